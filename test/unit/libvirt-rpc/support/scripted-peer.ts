import {
  formatMessage,
  MessageStatus,
  MessageType,
  parseMessage,
  PROGRAM_VERSION,
  type MessageHeader,
} from "../../../../provider/libvirt-rpc/message";
import { MessageSplitter } from "../../../../provider/libvirt-rpc/message-splitter";
import type { Procedure } from "../../../../provider/libvirt-rpc/procedures";
import { LibvirtClient } from "../../../../provider/libvirt-rpc";
import { Remote } from "../../../../provider/libvirt-rpc/procedures";
import { XdrReader } from "../../../../provider/libvirt-rpc/xdr-reader";
import { XdrWriter } from "../../../../provider/libvirt-rpc/xdr-writer";
import { PeerStream } from "../../../support/recordings/peer-stream";

/** A message that the client sent; `args` stands behind the header. */
export interface ReceivedMessage {
  readonly header: MessageHeader;
  readonly args: XdrReader;
}

type Body = (writer: XdrWriter) => unknown;

/**
 * libvirtd as a script: the test awaits each call, and says what comes back and when. A call of another
 * procedure than the script's fails the test, and so does one that the script never awaited (`finish`).
 */
export class ScriptedPeer {
  readonly stream = new PeerStream((chunk) => this.#splitter.push(chunk));
  readonly #received: ReceivedMessage[] = [];
  readonly #splitter = new MessageSplitter((bytes) => {
    const { header } = parseMessage(bytes);
    // the bytes are only lent for this moment
    this.#received.push({ header, args: new XdrReader(Buffer.from(bytes.subarray(24))) });
    this.#wake?.();
  });
  #wake: (() => void) | undefined;

  /** Opens a client as root would. */
  static async open(
    options: { maxCallsInFlight?: number } = {},
  ): Promise<{ client: LibvirtClient; peer: ScriptedPeer }> {
    const peer = new ScriptedPeer();
    const opening = LibvirtClient.open(peer.stream, { uri: "qemu:///system", ...options });
    peer.reply(await peer.expectCall(Remote.AUTH_LIST), (writer) => writer.u32(1).u32(0));
    peer.reply(await peer.expectCall(Remote.CONNECT_OPEN));
    return { client: await opening, peer };
  }

  /** How many messages have come that the script has not awaited yet. */
  get unreadMessages(): number {
    return this.#received.length;
  }

  async expectCall(procedure: Procedure): Promise<ReceivedMessage> {
    const message = await this.expectMessage();
    expect(message.header).toMatchObject({
      program: procedure.program,
      procedure: procedure.number,
      type: MessageType.CALL,
      status: MessageStatus.OK,
      version: 1,
    });
    return message;
  }

  async expectMessage(): Promise<ReceivedMessage> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  reply(call: ReceivedMessage, body: Body = () => undefined): void {
    this.sendBytes(this.formatReply(call, body));
  }

  formatReply(call: ReceivedMessage, body: Body, override: Partial<MessageHeader> = {}): Buffer {
    return format({ ...call.header, type: MessageType.REPLY, ...override }, body);
  }

  refuse(call: ReceivedMessage, error: { code: number; domain?: number; message?: string }): void {
    const body: Body = (writer) => {
      writer
        .i32(error.code)
        .i32(error.domain ?? 10)
        .optionalString(error.message)
        .i32(2);
      writer.u32(0).optionalString("%s").optionalString(error.message).u32(0).i32(-1).i32(-1).u32(0);
    };
    this.sendBytes(this.formatReply(call, body, { status: MessageStatus.ERROR }));
  }

  event(procedure: Procedure, body: Body): void {
    this.sendBytes(this.formatEvent(procedure, body));
  }

  formatEvent(procedure: Procedure, body: Body): Buffer {
    const header = { program: procedure.program, procedure: procedure.number, version: PROGRAM_VERSION };
    return format({ ...header, type: MessageType.EVENT, serial: 0, status: MessageStatus.OK }, body);
  }

  sendBytes(bytes: Buffer): void {
    this.stream.push(bytes);
  }

  /** The peer closes the connection. */
  hangUp(): void {
    this.stream.push(null);
  }

  /** The last line of a script: the client has sent nothing that was not awaited. */
  finish(): void {
    expect(this.#received.map((message) => message.header)).toEqual([]);
  }
}

function format(header: MessageHeader, body: Body): Buffer {
  const writer = new XdrWriter();
  body(writer);
  return formatMessage(header, writer.toBuffer());
}

/** Lets everything that is due happen: stream callbacks and promise continuations. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
