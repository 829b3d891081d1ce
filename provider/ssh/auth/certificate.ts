import { readFileSync } from "node:fs";
import type { Client, ParsedKey } from "ssh2";
import { findPublicKey, findPublicKeyInText, type PublicKey } from "../keys/public-key";
import { wireString } from "../keys/wire";
import { carriedKey, sendChanged } from "./carried-key";

const SUFFIX = "-cert-v01@openssh.com";
/** How many fields of a certificate are the key's own (OpenSSH, PROTOCOL.certkeys). */
const KEY_FIELDS: ReadonlyMap<string, number> = new Map([
  ["ssh-ed25519", 1],
  ["ssh-rsa", 2],
  ["ecdsa-sha2-nistp256", 2],
  ["ecdsa-sha2-nistp384", 2],
  ["ecdsa-sha2-nistp521", 2],
]);
const USER_CERTIFICATE = 1;
/** RSA with SHA-1 is left out, as in OpenSSH since 8.8. */
const RSA_ALGORITHM = "rsa-sha2-512";

/** A certificate of a user: an authority's word that a key is that user's. */
export interface Certificate {
  /** As it goes over the wire. */
  readonly key: PublicKey;
  /** The key that it is for. */
  readonly plain: PublicKey;
  /** The algorithm by which it is offered. */
  readonly algorithm: string;
  /** The algorithm of the signature. */
  readonly signatureAlgorithm: string;
  /** The hash of an RSA signature. */
  readonly hash: "sha512" | undefined;
}

/** A certificate in a file. */
export interface CertificateFile {
  readonly path: string;
  readonly certificate: Certificate;
}

/** Whether a key is a certificate, of whichever kind. */
export function isCertificate(key: PublicKey): boolean {
  return key.type.endsWith(SUFFIX);
}

/** Reads a certificate; undefined if it is none of a user, or of a type that is not used here. */
export function findCertificate(key: PublicKey): Certificate | undefined {
  const plainType = key.type.slice(0, -SUFFIX.length);
  const fields = KEY_FIELDS.get(plainType);
  if (!isCertificate(key) || fields === undefined) return undefined;
  const blob = Buffer.from(key.base64, "base64");
  const nonceAt = endOfField(blob, 0);
  const start = endOfField(blob, nonceAt);
  let end = start;
  for (let field = 0; field < fields; field += 1) end = endOfField(blob, end);
  // the serial number is between the key and the kind
  if (blob.length < end + 12 || blob.readUInt32BE(end + 8) !== USER_CERTIFICATE) return undefined;
  const plain = findPublicKey(Buffer.concat([wireString(plainType), blob.subarray(start, end)]));
  if (plain === undefined) return undefined;
  const isRsa = plainType === "ssh-rsa";
  const signatureAlgorithm = isRsa ? RSA_ALGORITHM : plainType;
  const algorithm = `${signatureAlgorithm}${SUFFIX}`;
  return { key, plain, algorithm, signatureAlgorithm, hash: isRsa ? "sha512" : undefined };
}

/** Reads the files that are there and have a certificate of a user in them. */
export function readCertificates(paths: readonly string[]): readonly CertificateFile[] {
  return paths.flatMap((path) => {
    const certificate = readCertificate(path) ?? readCertificate(`${path}.pub`);
    return certificate === undefined ? [] : [{ path, certificate }];
  });
}

function readCertificate(path: string): Certificate | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const [type = "", base64 = ""] = text.trim().split(/\s+/);
  const key = findPublicKeyInText(type, base64);
  return key === undefined ? undefined : findCertificate(key);
}

/** A certificate in the form in which ssh2 takes a public key. */
export function certificateForm({ algorithm, key }: Certificate): ParsedKey {
  return carriedKey(algorithm, Buffer.from(key.base64, "base64"));
}

/**
 * Hands the signature of a certificate's key to ssh2, which would name it by the algorithm of the
 * certificate.
 *
 * @param signature without the algorithm's name
 * @param send writes the packet before it returns
 * @throws where this ssh2 is made otherwise
 */
export function sendCertificateSignature(
  client: Client,
  { algorithm, signatureAlgorithm }: Certificate,
  signature: Buffer,
  send: () => void,
): void {
  const written = Buffer.concat([wireString(algorithm), wireString(signature)]);
  const meant = Buffer.concat([wireString(signatureAlgorithm), wireString(signature)]);
  sendChanged(
    client,
    (packet, writer) => {
      const at = packet.lastIndexOf(wireString(written));
      if (at < 0) return packet;
      const payload = Buffer.concat([packet.subarray(writer.allocStart, at), wireString(meant)]);
      const changed = writer.alloc(payload.length);
      changed.set(payload, writer.allocStart);
      return changed;
    },
    send,
  );
}

/** Signs as SSH writes it, without the algorithm's name: ssh2 gives signatures by ECDSA as OpenSSL does. */
export function signFor(certificate: Certificate, privateKey: ParsedKey, message: Buffer): Buffer {
  const signed = privateKey.sign(message, certificate.hash) as Buffer | Error;
  if (signed instanceof Error) throw signed;
  return certificate.signatureAlgorithm.startsWith("ecdsa-") ? fromDer(signed) : signed;
}

/** `SEQUENCE { INTEGER r, INTEGER s }` as two fields (RFC 5656 section 3.1.2). */
function fromDer(der: Buffer): Buffer {
  const sequenceAt = (der[1] ?? 0) > 0x80 ? 3 : 2;
  const r = integerAt(der, sequenceAt);
  const s = integerAt(der, r.end);
  return Buffer.concat([wireString(r.bytes), wireString(s.bytes)]);
}

function integerAt(der: Buffer, at: number): { readonly bytes: Buffer; readonly end: number } {
  const end = at + 2 + (der[at + 1] ?? 0);
  return { bytes: der.subarray(at + 2, end), end };
}

/** @returns the place behind the field; behind the end of what is cut off */
function endOfField(blob: Buffer, at: number): number {
  return blob.length < at + 4 ? Infinity : at + 4 + blob.readUInt32BE(at);
}
