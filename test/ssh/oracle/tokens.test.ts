import { tokens } from "./cases/tokens";
import { itDoesAsSshDoes } from "./run-cases";

describe("a token of ssh_config", () => itDoesAsSshDoes(tokens));
