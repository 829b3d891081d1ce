import { causeText } from "../errors";
import type { CredentialChecks } from "../resource";
import { parseHostKeyArgument, parsePrivateKey } from "../ssh";

/** The judgement of the SSH library on keys; its reasons never hold the key. */
export const credentialChecks: CredentialChecks = {
  findPrivateKeyProblem: (privateKey, password) =>
    findProblem(() => parsePrivateKey(privateKey, password, "the host")),
  findHostKeyProblem: (hostKey) => findProblem(() => parseHostKeyArgument(hostKey, "the host")),
};

function findProblem(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return `is not usable: ${causeText(error)}`;
  }
}
