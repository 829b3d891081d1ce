import type { Client, ParsedKey } from "ssh2";
import type { PublicKey } from "../keys/public-key";
import { carriedKey, sendChanged } from "./carried-key";

/**
 * Flags and counter of the security key, after the signature proper (OpenSSH, PROTOCOL.u2f: SSH U2F
 * Signatures).
 */
const TAIL_BYTES = 5;

/** Whether the key's other half is on a FIDO security key. */
export function isSecurityKey(key: PublicKey): boolean {
  return key.type === "sk-ssh-ed25519@openssh.com" || key.type === "sk-ecdsa-sha2-nistp256@openssh.com";
}

/** A security key in the form in which ssh2 takes a public key; it knows no such types. */
export function securityKeyOf(key: PublicKey): ParsedKey {
  return carriedKey(key.type, Buffer.from(key.base64, "base64"));
}

/**
 * Hands the signature of a security key to ssh2. ssh2 writes what it is handed as one string, but flags and
 * counter stand after the string: the length in front of it is put right before the packet goes out.
 *
 * @param signature as in the packet, from behind the string's length on
 * @param send writes the packet before it returns
 * @throws where this ssh2 is made otherwise
 */
export function sendSecurityKeySignature(client: Client, signature: Buffer, send: () => void): void {
  const putRight = (packet: Buffer): Buffer => {
    const start = packet.lastIndexOf(signature);
    if (start >= 4) packet.writeUInt32BE(signature.length - TAIL_BYTES, start - 4);
    return packet;
  };
  sendChanged(client, putRight, send);
}
