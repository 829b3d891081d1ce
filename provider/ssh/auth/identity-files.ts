import { readFileSync } from "node:fs";
import type { ParsedKey } from "ssh2";
import { describeKeyProblem } from "../keys/key-problem";
import { readKey, readPrivateKey, type PrivateKeyText } from "../keys/private-key";
import { findPublicKey, findPublicKeyInText, type PublicKey } from "../keys/public-key";

/** One file of those that OpenSSH would try, or a spare key, and what is in it. */
export interface Identity {
  /** Of the file; of a spare key, where it came from. */
  readonly path: string;
  /** Undefined where it cannot be used: encrypted, of a security key, its other half in an agent. */
  readonly privateKey?: ParsedKey;
  readonly publicKey?: PublicKey;
  /** Why there is no private key. */
  readonly problem?: string;
}

/**
 * Reads the identity files that are there, with the public halves beside them. A file that is not there is
 * none, as with OpenSSH; one that cannot be used is passed over, and the refusal of a login says why.
 *
 * @param passphrase tried on those that are encrypted
 */
export function readIdentities(
  paths: readonly string[],
  passphrase: string | undefined,
): readonly Identity[] {
  return paths.flatMap((path): Identity[] => {
    const text = readIfThere(path);
    const besides = findPublicHalf(path);
    if (text === undefined) return besides === undefined ? [] : [{ path, publicKey: besides }];
    if (text instanceof Error)
      return [{ path, ...withPublic(besides), problem: `it cannot be read (${text.message})` }];
    const reading = readKey(text, passphrase);
    if ("problem" in reading) {
      const problem = describeKeyProblem(reading.problem, "the passphrase");
      return [{ path, ...withPublic(besides), problem }];
    }
    const { key } = reading;
    const publicKey = findPublicKey(key.getPublicSSH()) ?? besides;
    // `IdentityFile key.pub`: the other half is in an agent
    return [{ path, ...(key.isPrivateKey() && { privateKey: key }), ...withPublic(publicKey) }];
  });
}

/** A key that was given as a text, in the form of one in a file; its source stands for the path. */
export function identityOf(given: PrivateKeyText): Identity {
  const { text, source, passphrase, passphraseSource } = given;
  const reading = readPrivateKey(text, passphrase);
  if ("key" in reading) return { path: source, privateKey: reading.key };
  return { path: source, problem: describeKeyProblem(reading.problem, passphraseSource) };
}

function withPublic(publicKey: PublicKey | undefined): { readonly publicKey?: PublicKey } {
  return publicKey === undefined ? {} : { publicKey };
}

function findPublicHalf(path: string): PublicKey | undefined {
  const text = readIfThere(path.endsWith(".pub") ? path : `${path}.pub`);
  if (typeof text !== "string") return undefined;
  const [type = "", base64 = ""] = text.trim().split(/\s+/);
  return findPublicKeyInText(type, base64);
}

function readIfThere(path: string): string | Error | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : new Error(code ?? "unreadable");
  }
}
