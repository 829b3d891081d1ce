import { causeText } from "../errors";
import type { CredentialChecks } from "../resource";
import { parseHostKeyArgument, parsePrivateKey, type KnownHost } from "../ssh";
import { chooseCredentials, type AmbientCredentials } from "./credentials";

/** Where the hosts of connections stand in known_hosts, by the connection's object. */
export type KnownHostsByHop = ReadonlyMap<unknown, KnownHost>;

/**
 * The judgement of the SSH library on keys; its reasons never hold the key.
 *
 * @param places - of a connection that is not among them the host key is judged by its form alone
 */
export function credentialChecks(
  ambient: AmbientCredentials,
  knownHosts: KnownHostsByHop = new Map(),
): CredentialChecks {
  return {
    findPrivateKeyProblem: (given, privateKeyPassword) => {
      const chosen = chooseCredentials({ privateKey: given, privateKeyPassword }, ambient, "host");
      const { privateKey: text, privateKeyPassword: passphrase, sources } = chosen;
      if (text === undefined) return undefined;
      const { privateKey: source, privateKeyPassword: passphraseSource } = sources;
      return findProblem(() => parsePrivateKey({ text, source, passphrase, passphraseSource }, "the host"));
    },
    findHostKeyProblem: (hostKey, connection) =>
      findProblem(() => parseHostKeyArgument(hostKey, knownHosts.get(connection), "the host")),
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
