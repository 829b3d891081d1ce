import { isNativeError } from "node:util/types";
import { utils, type ParsedKey } from "ssh2";
import { providerError } from "../../errors";
import { findKeyBlock, formatKeyBlock, type KeyBlock } from "./key-block";
import { convertIt, describeKeyProblem, type KeyProblem } from "./key-problem";
import { findOpensshCipher } from "./openssh-text";
import { isOpensslKey, parseOpensslKey } from "./openssl-key";

/** A private key and its passphrase, each with where it came from, in words for messages. */
export interface PrivateKeyText {
  readonly text: string;
  /** e.g. `connection.privateKey` */
  readonly source: string;
  readonly passphrase?: string | undefined;
  /** Where the passphrase came from, or where it would be looked for. */
  readonly passphraseSource: string;
}

/** A key that was read, public or private, or why there is none. */
export type KeyReading = { readonly key: ParsedKey } | { readonly problem: KeyProblem };

const SUPPORTED = "RSA, ECDSA or Ed25519 as OpenSSH, OpenSSL or PuTTY 0.74 writes them";

/** As ssh2 1.17 says that a passphrase is missing, or wrong. */
const MISSING = /no passphrase given/i;
const WRONG = /bad passphrase|integrity check failed|bad decrypt|unable to authenticate data/i;

/**
 * Parses the private key before anything is dialled.
 *
 * The parser's own text is never passed on: it was handed a secret.
 *
 * @throws SSH_KEY_UNUSABLE
 */
export function parsePrivateKey(given: PrivateKeyText, target: string): ParsedKey {
  const { text, source, passphrase, passphraseSource } = given;
  const reading = readPrivateKey(text, passphrase);
  if ("key" in reading) return reading.key;
  const reason = describeKeyProblem(reading.problem, passphraseSource);
  throw providerError("SSH_KEY_UNUSABLE", { target, source, reason });
}

/** As {@link readKey}; a public key is a problem. */
export function readPrivateKey(text: string, passphrase: string | undefined): KeyReading {
  const reading = readKey(text, passphrase);
  if ("problem" in reading || reading.key.isPrivateKey()) return reading;
  return { problem: { kind: "unusable", reason: "it is a public key" } };
}

/**
 * Reads a key in any of the forms that ssh-keygen, openssl and PuTTY write. What stands around the key, and
 * how its lines end, is of no consequence. Never throws, and nothing of the text is in a problem.
 */
export function readKey(text: string, passphrase: string | undefined): KeyReading {
  const block = findKeyBlock(text);
  if (block !== undefined && isOpensslKey(block)) {
    if (!block.isWhole) return { problem: cutOff(block) };
    const key = parseOpensslKey(block, passphrase);
    return "problem" in key ? key : { key };
  }
  const isPrivate = block?.label.endsWith("PRIVATE KEY") === true;
  const key = parseBySsh2(isPrivate ? formatKeyBlock(block) : text.replace(/^\ufeff/, ""), passphrase);
  return key instanceof Error ? { problem: problemOf(text, block, key.message, passphrase) } : { key };
}

/** ssh2 types its answer as one key where the newer OpenSSH format yields a list. */
function parseBySsh2(text: string, passphrase: string | undefined): ParsedKey | Error {
  const parsed = utils.parseKey(text, passphrase) as ParsedKey | readonly ParsedKey[] | Error;
  // It hands on what Node's cipher throws (a wrong passphrase with AES-GCM), an error of whichever realm.
  if (isNativeError(parsed)) return new Error(parsed.message);
  if (!Array.isArray(parsed)) return parsed as ParsedKey;
  return (parsed as readonly ParsedKey[])[0] ?? new Error("no key in it");
}

function problemOf(
  text: string,
  block: KeyBlock | undefined,
  hint: string,
  passphrase: string | undefined,
): KeyProblem {
  if (MISSING.test(hint)) return { kind: "passphrase-missing" };
  if (WRONG.test(hint)) return { kind: "passphrase-wrong" };
  if (block === undefined) return problemWithoutBlock(text);
  const { label, data } = block;
  if (!label.endsWith("PRIVATE KEY"))
    return { kind: "unusable", reason: `it is no private key: it begins with "-----BEGIN ${label}-----"` };
  if (!block.isWhole) return cutOff(block);
  if (label !== "OPENSSH PRIVATE KEY") return problemOfOldForm(block, passphrase);
  const cipher = findOpensshCipher(data);
  if (cipher !== undefined && cipher !== "none" && /cipher|vector/i.test(hint))
    return convertIt(
      `an OpenSSH key that is encrypted with ${cipher}, which is not supported`,
      "ssh-keygen -p -Z aes256-ctr -f KEY",
    );
  if (/\bsk-/.test(hint) || Buffer.from(data.slice(0, 512), "base64").includes("sk-"))
    return {
      kind: "unusable",
      reason: 'it is of a security key, which signs through an agent only: add it by "ssh-add KEY"',
    };
  if (/unsupported/i.test(hint))
    return { kind: "unusable", reason: `its key type is not supported (supported: ${SUPPORTED})` };
  return {
    kind: "unusable",
    reason: 'it is damaged: it cannot be read as OpenSSH\'s form ("ssh-keygen -y -f KEY" says more)',
  };
}

/** What ssh2 reads by itself beside OpenSSH's form: DSA keys. */
function problemOfOldForm({ label, headers }: KeyBlock, passphrase: string | undefined): KeyProblem {
  // A wrong passphrase shows as whatever the decrypted bytes happen to look like.
  if (passphrase !== undefined && headers.length > 0) return { kind: "passphrase-wrong" };
  return { kind: "unusable", reason: `a "${label}" is not supported (supported: ${SUPPORTED})` };
}

function problemWithoutBlock(text: string): KeyProblem {
  const putty = /^\s*PuTTY-User-Key-File-(\d)/.exec(text);
  if (putty?.[1] === "2") return { kind: "unusable", reason: "it is a PuTTY key that is damaged" };
  if (putty !== null)
    return convertIt(`a PuTTY key of version ${putty[1]}`, "puttygen KEY -O private-openssh -o NEW");
  if (/^\s*---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----/m.test(text))
    return convertIt("a key in the form of ssh.com", "ssh-keygen -i -f KEY > NEW");
  if (/[\0\ufffd]/.test(text)) return convertIt("binary (DER or PKCS#12)", "openssl pkey -in KEY -out NEW");
  return {
    kind: "unusable",
    reason:
      'it does not look like a private key ("-----BEGIN ..."); give the text of the key, not the name of a file',
  };
}

function cutOff({ label }: KeyBlock): KeyProblem {
  return { kind: "unusable", reason: `it is cut off: its last line, "-----END ${label}-----", is missing` };
}
