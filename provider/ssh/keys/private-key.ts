import { utils, type ParsedKey } from "ssh2";
import { providerError } from "../../errors";

/** A private key and its passphrase, each with where it came from, in words for messages. */
export interface PrivateKeyText {
  readonly text: string;
  /** e.g. `connection.privateKey` */
  readonly source: string;
  readonly passphrase?: string | undefined;
  /** Where the passphrase came from, or where it would be looked for. */
  readonly passphraseSource: string;
}

/**
 * Parses the private key before anything is dialled.
 *
 * The parser's own text is never passed on: it was handed a secret.
 *
 * @throws SSH_KEY_UNUSABLE
 */
export function parsePrivateKey(given: PrivateKeyText, target: string): ParsedKey {
  const { text, source, passphrase } = given;
  const parsed = parseKeyText(text, passphrase);
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) return parsed;
  const reason = findPrivateKeyProblem(given, parsed);
  throw providerError("SSH_KEY_UNUSABLE", { target, source, reason });
}

/** The parser of ssh2, which types its answer as one key where the newer OpenSSH format yields a list. */
export function parseKeyText(text: string, passphrase: string | undefined): ParsedKey | Error {
  const parsed = utils.parseKey(text, passphrase) as ParsedKey | readonly ParsedKey[] | Error;
  if (!Array.isArray(parsed)) return parsed as ParsedKey | Error;
  return (parsed as readonly ParsedKey[])[0] ?? new Error("no key in it");
}

/** Why a text is no private key that can be used, without a word of it. */
export function findPrivateKeyProblem(
  { text, passphrase, passphraseSource }: Omit<PrivateKeyText, "source">,
  parsed: ParsedKey | Error,
): string {
  const hint = parsed instanceof Error ? parsed.message : "";
  if (/no passphrase given/i.test(hint)) return `it is encrypted and ${passphraseSource} is not given`;
  if (/bad passphrase|integrity check failed|bad decrypt/i.test(hint)) {
    return `${passphraseSource} does not open it`;
  }
  // A wrong password of an old PEM key shows as whatever the decrypted bytes happen to look like.
  if (passphrase !== undefined && /ENCRYPTED/.test(text)) {
    return `${passphraseSource} does not open it, or its encryption is not supported`;
  }
  if (!(parsed instanceof Error)) return "it is a public key";
  if (!text.includes("-----BEGIN ") && !text.startsWith("PuTTY-User-Key-File")) {
    return 'it does not look like a private key ("-----BEGIN ..."); give the text of the key, not the name of a file';
  }
  return (
    "its format or key type is not supported (supported: OpenSSH, PEM, PPK with RSA, ECDSA or Ed25519; " +
    "a key on a security key through an agent)"
  );
}
