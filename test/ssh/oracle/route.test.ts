import { proxyCommands, routes } from "./cases/route";
import { itDoesAsSshDoes } from "./run-cases";

describe("how a host is reached", () => itDoesAsSshDoes([...routes, ...proxyCommands]));
