import { causeText } from "../errors";
import type { CredentialChecks } from "../resource";
import { parseHostKeyArgument, parsePrivateKey } from "../ssh";
import { chooseCredentials, type AmbientCredentials } from "./credentials";

/** The judgement of the SSH library on keys; its reasons never hold the key. */
export function credentialChecks(ambient: AmbientCredentials): CredentialChecks {
  return {
    findPrivateKeyProblem: (given, privateKeyPassword) => {
      const chosen = chooseCredentials({ privateKey: given, privateKeyPassword }, ambient, "host");
      const { privateKey: text, privateKeyPassword: passphrase, sources } = chosen;
      if (text === undefined) return undefined;
      const { privateKey: source, privateKeyPassword: passphraseSource } = sources;
      return findProblem(() => parsePrivateKey({ text, source, passphrase, passphraseSource }, "the host"));
    },
    findHostKeyProblem: (hostKey) => findProblem(() => parseHostKeyArgument(hostKey, "the host")),
  };
}

function findProblem(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return `is not usable: ${causeText(error)}`;
  }
}
