import type { JsonWebKey } from "node:crypto";
import { formatKeyBlock } from "./key-block";
import { wireNumber, wireString } from "./wire";

const MAGIC = "openssh-key-v1\0";
const TYPE = "ssh-ed25519";
/** Of a key that is not encrypted (OpenSSH, PROTOCOL.key and sshkey.c: sshkey_private_to_blob2). */
const BLOCK_BYTES = 8;

/**
 * An Ed25519 key as OpenSSH writes one without a passphrase (OpenSSH, PROTOCOL.key): the only form in which
 * ssh2 takes such a key.
 *
 * @param jwk with `x` and `d` (RFC 8037 section 2)
 */
export function opensshTextOfEd25519({ x = "", d = "" }: JsonWebKey): string {
  const point = Buffer.from(x, "base64url");
  const seed = Buffer.from(d, "base64url");
  const publicBlob = Buffer.concat([wireString(TYPE), wireString(point)]);
  // The two numbers are for telling a wrong passphrase; there is none.
  const numbers = Buffer.alloc(8);
  const secret = Buffer.concat([
    numbers,
    publicBlob,
    wireString(Buffer.concat([seed, point])),
    wireString(""),
  ]);
  const padding = Buffer.from(
    Array.from({ length: (BLOCK_BYTES - (secret.length % BLOCK_BYTES)) % BLOCK_BYTES }, (_, n) => n + 1),
  );
  const data = Buffer.concat([
    Buffer.from(MAGIC),
    wireString("none"),
    wireString("none"),
    wireString(""),
    wireNumber(1),
    wireString(publicBlob),
    wireString(Buffer.concat([secret, padding])),
  ]);
  const block = { label: "OPENSSH PRIVATE KEY", headers: [], isWhole: true };
  return formatKeyBlock({ ...block, data: data.toString("base64") });
}

/** The name of the cipher of a private key in OpenSSH's own form; undefined where it is cut off before. */
export function findOpensshCipher(data: string): string | undefined {
  const bytes = Buffer.from(data.slice(0, 256), "base64");
  const start = MAGIC.length + 4;
  if (bytes.length < start || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const length = bytes.readUInt32BE(MAGIC.length);
  const name = bytes.toString("latin1", start, start + Math.min(length, 64));
  return name.length === length && /^[a-z0-9@.-]+$/.test(name) ? name : undefined;
}
