import { utils, type Client, type ParsedKey } from "ssh2";

/** Any key of a type that ssh2 knows; {@link carriedKey} borrows its form. */
const CARRIER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/**
 * A key of a type that ssh2 does not know in the form in which it takes a public key. ssh2 marks its own keys
 * with a symbol that it keeps to itself; so the key inherits from one of those, and has a type and a wire
 * form of its own.
 *
 * @param algorithm - by which it is offered: mostly its type
 * @param blob - its wire form
 */
export function carriedKey(algorithm: string, blob: Buffer): ParsedKey {
  return Object.create(utils.parseKey(CARRIER), {
    type: { value: algorithm },
    getPublicSSH: { value: () => blob },
  }) as ParsedKey;
}

/** As far as it is known here how ssh2 1.17 writes a packet. */
export interface PacketWriter {
  /** A packet for a payload of so many bytes, which begins at {@link allocStart}. */
  alloc(payloadBytes: number): Buffer;
  readonly allocStart: number;
  finalize?: (packet: Buffer, force?: boolean) => Buffer;
}

/**
 * Has the next packet that ssh2 writes changed before it goes out.
 *
 * @param change makes the packet that is sent in its place
 * @param send writes the packet before it returns
 * @throws where this ssh2 is made otherwise
 */
export function sendChanged(
  client: Client,
  change: (packet: Buffer, writer: PacketWriter) => Buffer,
  send: () => void,
): void {
  const { _protocol: protocol } = client as unknown as {
    _protocol?: { _packetRW?: { write?: PacketWriter } };
  };
  const writer = protocol?._packetRW?.write;
  const finalize = writer?.finalize;
  if (writer === undefined || finalize === undefined)
    throw new Error("this version of ssh2 cannot be used with such keys");
  writer.finalize = (packet, force) => finalize.call(writer, change(packet, writer), force);
  try {
    send();
  } finally {
    // the method of the class shows again
    delete writer.finalize;
  }
}
