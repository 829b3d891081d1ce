import { utils, type ParsedKey } from "ssh2";
import { fail } from "../errors";

/**
 * Parses the private key before anything is dialled.
 *
 * The parser's own text is never passed on: it was handed a secret.
 *
 * @throws SSH_KEY_UNUSABLE
 */
export function parsePrivateKey(text: string, password: string | undefined, target: string): ParsedKey {
  const parsed = utils.parseKey(text, password);
  const key = parsed instanceof Error ? undefined : firstOf(parsed);
  if (key?.isPrivateKey() === true) return key;
  throw fail("SSH_KEY_UNUSABLE", { target, reason: problemOf(text, password, parsed) });
}

/** Typed as one key, yet the newer OpenSSH format yields a list. */
function firstOf(parsed: ParsedKey | readonly ParsedKey[]): ParsedKey | undefined {
  return Array.isArray(parsed) ? (parsed as readonly ParsedKey[])[0] : (parsed as ParsedKey);
}

function problemOf(text: string, password: string | undefined, parsed: unknown): string {
  const hint = parsed instanceof Error ? parsed.message : "";
  if (/no passphrase given/i.test(hint)) {
    return "it is encrypted and connection.privateKeyPassword is not given";
  }
  if (/bad passphrase|integrity check failed|bad decrypt/i.test(hint)) {
    return "connection.privateKeyPassword does not open it";
  }
  // A wrong password of an old PEM key shows as whatever the decrypted bytes happen to look like.
  if (password !== undefined && /ENCRYPTED/.test(text)) {
    return "connection.privateKeyPassword does not open it, or its encryption is not supported";
  }
  if (!(parsed instanceof Error)) return "it is a public key";
  if (!text.includes("-----BEGIN ") && !text.startsWith("PuTTY-User-Key-File")) {
    return 'it does not look like a private key ("-----BEGIN ..."); give the text of the key, not the name of a file';
  }
  return "its format or key type is not supported (supported: OpenSSH, PEM, PPK with RSA, ECDSA or Ed25519)";
}
