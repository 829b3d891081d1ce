import {
  hostKeyAlgorithms,
  knownHostsCommand,
  knownHostsFiles,
  revokedHostKeys,
  strictness,
} from "./cases/known-hosts";
import { itDoesAsSshDoes } from "./run-cases";

describe("which host key is trusted", () =>
  itDoesAsSshDoes([
    ...knownHostsFiles,
    ...revokedHostKeys,
    ...hostKeyAlgorithms,
    ...knownHostsCommand,
    ...strictness,
  ]));
