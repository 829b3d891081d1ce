import { utils, type Client, type ParsedKey } from "ssh2";
import type { PublicKey } from "../keys/public-key";

/**
 * Flags and counter of the security key, after the signature proper (OpenSSH, PROTOCOL.u2f: SSH U2F
 * Signatures).
 */
const TAIL_BYTES = 5;

/** Any key of a type that ssh2 knows; {@link securityKeyOf} borrows its form. */
const CARRIER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/** Whether the key's other half is on a FIDO security key. */
export function isSecurityKey(key: PublicKey): boolean {
  return key.type === "sk-ssh-ed25519@openssh.com" || key.type === "sk-ecdsa-sha2-nistp256@openssh.com";
}

/**
 * A security key in the form in which ssh2 takes a public key. ssh2 knows no such types and marks its own
 * keys with a symbol that it keeps to itself; so the key inherits from one of those, and has a type and a
 * wire form of its own.
 */
export function securityKeyOf(key: PublicKey): ParsedKey {
  const blob = Buffer.from(key.base64, "base64");
  return Object.create(utils.parseKey(CARRIER), {
    type: { value: key.type },
    getPublicSSH: { value: () => blob },
  }) as ParsedKey;
}

/** As far as it is known here how ssh2 1.17 writes a packet. */
interface PacketWriter {
  finalize?: (packet: Buffer, force?: boolean) => Buffer;
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
  const { _protocol: protocol } = client as unknown as {
    _protocol?: { _packetRW?: { write?: PacketWriter } };
  };
  const writer = protocol?._packetRW?.write;
  const finalize = writer?.finalize;
  if (writer === undefined || finalize === undefined)
    throw new Error("this version of ssh2 cannot be used with security keys");
  writer.finalize = (packet, force) => {
    const start = packet.lastIndexOf(signature);
    if (start >= 4) packet.writeUInt32BE(signature.length - TAIL_BYTES, start - 4);
    return finalize.call(writer, packet, force);
  };
  try {
    send();
  } finally {
    // the method of the class shows again
    delete writer.finalize;
  }
}
