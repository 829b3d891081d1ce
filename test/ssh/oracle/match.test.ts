import { jumps, matches } from "./cases/match";
import { itDoesAsSshDoes } from "./run-cases";

describe("what holds for a host, its user, its port and its jump hosts", () =>
  itDoesAsSshDoes([...matches, ...jumps]));
