import type { ByteStream } from "../async/byte-stream";
import { onAbort } from "../async/abort";
import { setTimer, type Timer } from "../async/clock";
import { withTimeLimit } from "../async/time-limit";
import { LibvirtDisconnectedError, LibvirtProtocolError } from "./errors";
import { readErrorReply } from "./error-reply";
import { EventRouter } from "./event-router";
import {
  formatMessage,
  MessageStatus,
  MessageType,
  parseMessage,
  PROGRAM_VERSION,
  type MessageHeader,
} from "./message";
import { MAX_CALL_MS } from "./limits";
import { MessageSplitter } from "./message-splitter";
import { Keepalive, type Procedure } from "./procedures";
import type { XdrReader } from "./xdr-reader";
import { XdrWriter } from "./xdr-writer";

/** A call: what to send, and how to read the answer. */
export interface CallSpec<T> {
  readonly procedure: Procedure;
  readonly args?: (writer: XdrWriter) => unknown;
  /** Runs the moment the reply arrives, before the next message is looked at. */
  readonly result: (reader: XdrReader) => T;
  /** Gets the result of a call that was aborted while libvirtd worked on it: what it made can be undone. */
  readonly onAbandonedResult?: (result: T) => void;
  /**
   * Always runs, once, when the call is over: answered, failed, never sent, or cut off with the connection.
   */
  readonly onOver?: () => void;
}

interface PendingCall {
  readonly procedure: Procedure;
  readonly payload: Buffer;
  /** Reads a good reply and settles the promise; throws LibvirtProtocolError when it cannot be read. */
  readonly accept: (reader: XdrReader) => void;
  /** Rejects the promise; the call is not over by that. */
  readonly reject: (error: unknown) => void;
  readonly over: () => void;
  /** Rejects the promise, for good. */
  readonly cutOff: (error: unknown) => void;
  /** Runs from the sending on. */
  silence?: Timer;
}

/** How long {@link RpcConnection.close} waits for the answer to its goodbye. */
const GOODBYE_TIMEOUT_MS = 1_000;

/**
 * Calls, replies and events over one stream. Knows what a message is, and nothing of what it means.
 *
 * - Replies are matched by serial and may come in any order.
 * - At most `maxCallsInFlight` calls are with libvirtd; further ones wait in order. (A libvirtd reads no
 *   more from a client that has five calls under way, not even pings.)
 * - An aborted call that has not been sent leaves the queue. One that has been sent is given up by its
 *   caller at once, but *is carried out all the same* and counts as in flight until its reply has come.
 * - A call that is not answered in an hour ends the connection.
 * - Whatever is wrong with the stream or on it ends the connection, rejects every call with the one cause,
 *   and destroys the stream. There is no way back.
 */
export class RpcConnection {
  /** Resolves, never rejects, when the connection has ended; undefined when we closed it. */
  readonly closed: Promise<Error | undefined>;
  readonly events = new EventRouter();

  readonly #splitter = new MessageSplitter((message) => this.#onMessage(message));
  readonly #queue: PendingCall[] = [];
  readonly #inFlight = new Map<number, PendingCall>();
  #resolveClosed!: (cause: Error | undefined) => void;
  #closing: Promise<void> | undefined;
  #ended: { readonly cause: Error | undefined } | undefined;
  #nextSerial = 1;
  #pongUnderWay = false;

  constructor(
    private readonly stream: ByteStream,
    private readonly maxCallsInFlight: number,
  ) {
    if (!Number.isInteger(maxCallsInFlight) || maxCallsInFlight < 1) {
      throw new RangeError(`maxCallsInFlight is ${maxCallsInFlight}, expected a whole number from 1 up`);
    }
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("error", (cause: Error) =>
      this.end(new LibvirtDisconnectedError(`the stream to libvirtd failed: ${cause.message}`, { cause })),
    );
    stream.on("end", () => this.#onStreamOver());
    stream.on("close", () => this.#onStreamOver());
    if (stream.destroyed) this.#onStreamOver(); // its events are past
  }

  /** Whether the connection has ended, for whatever cause. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * @throws LibvirtError when libvirt refuses; LibvirtProtocolError or LibvirtDisconnectedError with the end
   * of the connection; the signal's reason when aborted; RangeError or TypeError, with nothing sent, for
   * arguments that the protocol cannot carry.
   */
  call<T>(spec: CallSpec<T>, signal?: AbortSignal): Promise<T> {
    return this.#start(spec, signal, (call) => {
      if (this.#closing !== undefined) return call.cutOff(this.#endedError());
      this.#queue.push(call);
      this.#sendQueued();
    });
  }

  /**
   * Ends the connection politely: takes no more calls, brings no more events, sends `goodbye` past the queue,
   * waits up to a second for its answer, then ends. Never rejects; a second call returns the same promise.
   */
  close(goodbye: Procedure): Promise<void> {
    this.#closing ??= this.#sayGoodbye(goodbye);
    return this.#closing;
  }

  /** Ends the connection now; the first cause wins. Calls under way are rejected. */
  end(cause?: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = { cause };
    const error = this.#endedError();
    const calls = [...this.#inFlight.values(), ...this.#queue.splice(0)];
    this.#inFlight.clear();
    for (const call of calls) call.cutOff(error);
    this.stream.destroy();
    this.#resolveClosed(cause);
  }

  async #sayGoodbye(procedure: Procedure): Promise<void> {
    if (this.#ended !== undefined) return;
    const error = this.#endedError();
    for (const call of this.#queue.splice(0)) call.cutOff(error);
    const goodbye = { procedure, result: () => undefined };
    try {
      await withTimeLimit(GOODBYE_TIMEOUT_MS, (limit) =>
        this.#start(goodbye, limit, (call) => this.#send(call)),
      );
    } catch {
      // No answer, a refusal or the end of the stream: the connection ends all the same.
    } finally {
      this.end();
    }
  }

  #start<T>(
    spec: CallSpec<T>,
    signal: AbortSignal | undefined,
    enter: (call: PendingCall) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let payload: Buffer;
      try {
        if (this.#ended !== undefined) throw this.#endedError();
        signal?.throwIfAborted();
        const writer = new XdrWriter();
        spec.args?.(writer);
        payload = writer.toBuffer();
      } catch (error) {
        spec.onOver?.();
        throw error;
      }
      let abandoned = false;
      const leave = (): void => {
        abandoned = true;
        reject(signal?.reason as Error);
        const position = this.#queue.indexOf(call);
        if (position < 0) return;
        this.#queue.splice(position, 1);
        call.over();
      };
      const call: PendingCall = {
        procedure: spec.procedure,
        payload,
        accept: (reader) => {
          const result = spec.result(reader);
          reader.end();
          if (abandoned) spec.onAbandonedResult?.(result);
          else resolve(result);
        },
        reject,
        over: () => {
          call.silence?.cancel();
          stopWatching?.();
          spec.onOver?.();
        },
        cutOff: (error) => {
          call.reject(error);
          call.over();
        },
      };
      const stopWatching = signal && onAbort(signal, leave);
      enter(call);
    });
  }

  #sendQueued(): void {
    while (this.#ended === undefined && this.#inFlight.size < this.maxCallsInFlight) {
      const call = this.#queue.shift();
      if (call === undefined) return;
      this.#send(call);
    }
  }

  #send(call: PendingCall): void {
    const serial = this.#nextSerial;
    this.#nextSerial = serial === 0xffffffff ? 1 : serial + 1;
    this.#inFlight.set(serial, call);
    const giveUp = (): void => {
      const minutes = MAX_CALL_MS / 60_000;
      this.end(new LibvirtDisconnectedError(`${call.procedure.name} was not answered in ${minutes} minutes`));
    };
    call.silence = setTimer(giveUp, MAX_CALL_MS, { isBackground: true });
    const { program, number } = call.procedure;
    const header = { program, procedure: number, type: MessageType.CALL, serial, status: MessageStatus.OK };
    this.stream.write(formatMessage({ ...header, version: PROGRAM_VERSION }, call.payload));
  }

  #onData(chunk: Buffer): void {
    if (this.#ended !== undefined) return;
    try {
      this.#splitter.push(chunk);
    } catch (error) {
      this.end(error as Error);
    }
  }

  #onMessage(bytes: Buffer): void {
    const { header, payload } = parseMessage(bytes);
    if (header.program === Keepalive.PING.program) return this.#onKeepalive(header);
    if (header.type === MessageType.REPLY) return this.#onReply(header, payload);
    if (header.type === MessageType.EVENT) {
      if (this.#closing !== undefined) return; // whoever closed expects no more of them
      return this.events.dispatch(header.program, header.procedure, payload);
    }
    throw new LibvirtProtocolError(`message of type ${header.type}, expected a reply or an event`);
  }

  #onReply(header: MessageHeader, payload: XdrReader): void {
    const call = this.#inFlight.get(header.serial);
    if (call === undefined)
      throw new LibvirtProtocolError(`reply to call ${header.serial}, which was not made`);
    const { program, number, name } = call.procedure;
    if (header.program !== program || header.procedure !== number) {
      throw new LibvirtProtocolError(
        `call ${header.serial} was ${name}, ` +
          `its reply is of procedure ${header.procedure} of program 0x${header.program.toString(16)}`,
      );
    }
    // Nothing is removed before it has been read: a reply that cannot be read must reject its own call too.
    if (header.status === MessageStatus.OK) call.accept(payload);
    else if (header.status === MessageStatus.ERROR) call.reject(readErrorReply(payload, name));
    else throw new LibvirtProtocolError(`reply to ${name} has status ${header.status}, expected 0 or 1`);
    this.#inFlight.delete(header.serial);
    call.over();
    this.#sendQueued();
  }

  /** A ping that comes while the last answer is still in our own buffer is answered by that one. */
  #onKeepalive(header: MessageHeader): void {
    if (header.procedure !== Keepalive.PING.number || this.#pongUnderWay) return;
    this.#pongUnderWay = true;
    const { program, number } = Keepalive.PONG;
    const pong = { program, procedure: number, type: MessageType.EVENT, serial: 0, status: MessageStatus.OK };
    this.stream.write(formatMessage({ ...pong, version: PROGRAM_VERSION }, Buffer.alloc(0)), () => {
      this.#pongUnderWay = false;
    });
  }

  #onStreamOver(): void {
    if (this.#closing !== undefined) return this.end();
    const inside = this.#splitter.incompleteBytes > 0 ? " in the middle of a message" : "";
    this.end(new LibvirtDisconnectedError(`libvirtd or the way to it closed the connection${inside}`));
  }

  #endedError(): Error {
    return this.#ended?.cause ?? new LibvirtDisconnectedError("this connection to libvirtd has been closed");
  }
}
