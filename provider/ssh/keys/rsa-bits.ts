import type { PublicKey } from "./public-key";

/** The size of an RSA key in bits: that of its modulus (RFC 4253 section 6.6). Undefined for other keys. */
export function findRsaBits(key: PublicKey): number | undefined {
  if (key.type !== "ssh-rsa") return undefined;
  const blob = Buffer.from(key.base64, "base64");
  const exponentAt = 4 + key.type.length;
  if (blob.length < exponentAt + 4) return undefined;
  const modulusAt = exponentAt + 4 + blob.readUInt32BE(exponentAt);
  if (blob.length < modulusAt + 4) return undefined;
  const modulus = blob.subarray(modulusAt + 4, modulusAt + 4 + blob.readUInt32BE(modulusAt));
  const first = modulus.findIndex((byte) => byte !== 0);
  if (first < 0) return 0;
  return (modulus.length - first) * 8 - (Math.clz32(modulus[first] ?? 0) - 24);
}
