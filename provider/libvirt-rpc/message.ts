import { LibvirtProtocolError } from "./errors";
import { HEADER_BYTES, LENGTH_WORD_BYTES } from "./limits";
import { XdrReader } from "./xdr-reader";

/** What a message is (virNetMessageType); the others carry streams and file descriptors, never used here. */
export const MessageType = { CALL: 0, REPLY: 1, EVENT: 2 } as const;

/** How a reply went (virNetMessageStatus). */
export const MessageStatus = { OK: 0, ERROR: 1 } as const;

/** All programs that this client speaks are at version 1, in every libvirt so far. */
export const PROGRAM_VERSION = 1;

/** The six words at the head of every message (virNetMessageHeader). */
export interface MessageHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

/** One message as it goes over the wire, length word included. */
export function formatMessage(header: MessageHeader, payload: Buffer): Buffer {
  const length = LENGTH_WORD_BYTES + HEADER_BYTES + payload.length;
  const message = Buffer.alloc(length);
  message.writeUInt32BE(length, 0);
  message.writeUInt32BE(header.program, 4);
  message.writeUInt32BE(header.version, 8);
  message.writeUInt32BE(header.procedure, 12);
  message.writeUInt32BE(header.type, 16);
  message.writeUInt32BE(header.serial, 20);
  message.writeUInt32BE(header.status, 24);
  payload.copy(message, LENGTH_WORD_BYTES + HEADER_BYTES);
  return message;
}

/**
 * The header of a message without its length word, and a reader that stands on what follows it.
 *
 * @throws LibvirtProtocolError when there is no whole header or a program of another version.
 */
export function parseMessage(bytes: Buffer): { header: MessageHeader; payload: XdrReader } {
  const payload = new XdrReader(bytes);
  const header: MessageHeader = {
    program: payload.u32(),
    version: payload.u32(),
    procedure: payload.u32(),
    type: payload.u32(),
    serial: payload.u32(),
    status: payload.u32(),
  };
  if (header.version !== PROGRAM_VERSION) {
    throw new LibvirtProtocolError(
      `version ${header.version} of program 0x${header.program.toString(16)}, expected ${PROGRAM_VERSION}`,
    );
  }
  return { header, payload };
}
