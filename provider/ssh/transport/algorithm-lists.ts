import { providerError, shorten, type ProviderError } from "../../errors";

const LONGEST_LIST = 600;

/** Marks in a list of key exchanges that are none (RFC 8308, OpenSSH's PROTOCOL). */
const MARKS = /^(?:ext-info-[cs]|kex-strict-[cs]-v00@openssh\.com)$/;

/** As ssh2 1.17 tells of the lists, one line for each side, before it compares them. */
const LIST = /^Handshake: \((local|remote)\) [^:]+: (.*)$/;
const NO_MATCH = /no matching (.+)$/i;

/** What to do where the lists of one kind have nothing in common. */
const CURES: readonly (readonly [RegExp, string, string])[] = [
  [
    /key exchange/i,
    "key exchange",
    'Allow one of these on the host beside its own: "KexAlgorithms +curve25519-sha256" in its sshd_config.',
  ],
  [
    /host key/i,
    "host key algorithm",
    'Give the host such a key ("ssh-keygen -A" there, and HostKeyAlgorithms in its sshd_config must not leave it out). ' +
      "ssh-rsa alone is RSA with SHA-1, which no client should take: an SSH server of 2016 or newer signs with rsa-sha2-512.",
  ],
  [
    /cipher/i,
    "cipher",
    'Allow one of these on the host beside its own: "Ciphers +aes256-gcm@openssh.com,aes256-ctr" in its sshd_config.',
  ],
  [
    /mac/i,
    "MAC",
    'Allow one of these on the host beside its own: "MACs +hmac-sha2-256-etm@openssh.com" in its sshd_config.',
  ],
  [
    /compression/i,
    "compression",
    "Nothing is compressed here: the server has to allow a connection without it.",
  ],
];

/**
 * The lists of algorithms that both sides have sent, read from what ssh2 tells for debugging: it keeps them
 * to itself otherwise.
 */
export class AlgorithmLists {
  #local = "";
  #remote = "";

  /** @param line one of ssh2's */
  read(line: string): void {
    if (!line.startsWith("Handshake: (")) return;
    const [, side, list = ""] = LIST.exec(line) ?? [];
    if (side === "local") this.#local = list;
    if (side === "remote") this.#remote = list;
  }

  /** The error for lists that have nothing in common; undefined where the failure was another. */
  findDifference(target: string, error: Error): ProviderError | undefined {
    const [, failed] = NO_MATCH.exec(error.message) ?? [];
    if (failed === undefined) return undefined;
    const [, kind, cure] = CURES.find(([pattern]) => pattern.test(failed)) ?? [/./, failed, ""];
    const details = { target, kind, server: shown(this.#remote), own: shown(this.#local), cure };
    return providerError("SSH_ALGORITHMS_DIFFER", details, error);
  }
}

function shown(list: string): string {
  const names = list.split(",").filter((name) => name !== "" && !MARKS.test(name));
  return shorten(names.join(", "), LONGEST_LIST) || "none";
}
