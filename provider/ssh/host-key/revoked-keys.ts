import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { providerError } from "../../errors";
import { findPublicKeyInText, type PublicKey } from "../keys/public-key";
import { isKrl, readKrl, type RevokedEntries } from "./key-revocation-list";

/** Keys that no host may show, whatever known_hosts says. */
export interface RevokedKeys {
  /** The file that a key stands in; undefined if it is not revoked. */
  findSource(key: PublicKey): string | undefined;
}

/**
 * Reads the files of RevokedHostKeys: a key on each line, or a KRL (ssh-keygen(1), KEY REVOCATION LISTS).
 * Where one cannot be read, OpenSSH refuses the host, whichever key it shows (sshconnect.c: verify_host_key).
 *
 * @param host - how the program calls it, for messages
 * @throws SSH_CONFIG_UNSUPPORTED
 */
export function readRevokedKeys(files: readonly string[], host: string): RevokedKeys {
  const lists = files.map((file) => ({ file, entries: readOne(file, host) }));
  return {
    findSource(key) {
      const blob = Buffer.from(key.base64, "base64");
      const hashOf = (algorithm: string): string => createHash(algorithm).update(blob).digest("base64");
      const has = ({ blobs, sha1, sha256 }: RevokedEntries): boolean =>
        blobs.has(key.base64) ||
        (sha1.size > 0 && sha1.has(hashOf("sha1"))) ||
        (sha256.size > 0 && sha256.has(hashOf("sha256")));
      return lists.find(({ entries }) => has(entries))?.file;
    },
  };
}

function readOne(file: string, host: string): RevokedEntries {
  const unsupported = (reason: string, cause?: unknown): Error =>
    providerError(
      "SSH_CONFIG_UNSUPPORTED",
      { host, reason: `its RevokedHostKeys names ${file}, ${reason}` },
      cause,
    );
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    const { code = "unreadable" } = error as NodeJS.ErrnoException;
    throw unsupported(`which cannot be read (${code}): nobody can tell which keys are revoked`, error);
  }
  const entries = isKrl(content) ? readKrl(content) : readList(content.toString("utf8"));
  if (typeof entries === "string") throw unsupported(entries);
  return entries;
}

function readList(text: string): RevokedEntries | string {
  const blobs = new Set<string>();
  for (const [index, line] of text.split("\n").entries()) {
    const [type = "", base64 = ""] = line.trim().split(/[ \t]+/);
    if (type === "" || type.startsWith("#")) continue;
    const key = findPublicKeyInText(type, base64);
    if (key === undefined) return `whose line ${index + 1} is no public key`;
    blobs.add(key.base64);
  }
  return { blobs, sha1: new Set(), sha256: new Set() };
}
