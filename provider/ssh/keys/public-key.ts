import { createHash } from "node:crypto";

/** A public key as it goes over the wire, with its name and fingerprint. */
export interface PublicKey {
  /** The key's type as in known_hosts, e.g. `ssh-ed25519`; for RSA `ssh-rsa`, whatever the signature. */
  readonly type: string;
  /** The wire form (RFC 4253 section 6.6), base64. */
  readonly base64: string;
}

/** Reads the wire form; undefined when it does not begin with the name of a key type. */
export function findPublicKey(blob: Buffer): PublicKey | undefined {
  if (blob.length < 5) return undefined;
  const nameLength = blob.readUInt32BE(0);
  if (nameLength === 0 || nameLength > 64 || blob.length <= 4 + nameLength) return undefined;
  const type = blob.toString("latin1", 4, 4 + nameLength);
  if (!/^[a-z0-9@.-]+$/i.test(type)) return undefined;
  return { type, base64: blob.toString("base64") };
}

/**
 * Reads `type base64` as in known_hosts and authorized_keys; undefined where the two do not belong together.
 */
export function findPublicKeyInText(type: string, base64: string): PublicKey | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = findPublicKey(Buffer.from(base64, "base64"));
  return key?.type === type ? key : undefined;
}

/** `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
export function fingerprintOf(key: PublicKey): string {
  const hash = createHash("sha256").update(Buffer.from(key.base64, "base64")).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

/** `ssh-ed25519 SHA256:…`, for messages. */
export function describeKey(key: PublicKey): string {
  return `${key.type} ${fingerprintOf(key)}`;
}

/** Whether both are the very same key. */
export function isSameKey(a: PublicKey, b: PublicKey): boolean {
  return a.base64 === b.base64;
}
