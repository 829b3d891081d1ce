import { certificates, userKeys } from "./cases/user-keys";
import { itDoesAsSshDoes } from "./run-cases";

describe("which key logs in", () => itDoesAsSshDoes([...userKeys, ...certificates]));
