import { untilAborted } from "../async/abort";
import type { ByteStream } from "../async/byte-stream";
import { MessageSplitter } from "./message-splitter";
import { QmpDisconnectedError, QmpProtocolError } from "./qmp-error";
import type { QmpArguments, QmpEvent } from "./qmp-monitor";
import { isRecord, parseQmpMessage, resultOf } from "./reply";

/** How a connection has ended: QEMU has closed it (as it does when it ends), or the way to it is gone. */
export type QmpEnd = "closed-by-qemu" | "lost";

type Message = Readonly<Record<string, unknown>>;

/** A command whose answer has not come yet. */
interface Pending {
  readonly answer: (message: Message) => void;
  readonly reject: (cause: Error) => void;
}

/**
 * QMP over a stream to QEMU's own socket: greeting, negotiation, commands with ids, events. A message that is
 * not QMP's ends the connection with a QmpProtocolError for all who wait; nothing of a peer that has lied
 * once is used.
 *
 * QEMU serves one client of a socket at a time. The next gets a connection, but no greeting before the first
 * has left.
 */
export class QmpConnection {
  /** Resolves when it has ended, whoever ended it. */
  readonly closed: Promise<QmpEnd>;
  readonly #stream: ByteStream;
  readonly #splitter = new MessageSplitter();
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #resolveClosed!: (end: QmpEnd) => void;
  #greeting: Pending | undefined;
  #end: Error | undefined;
  #lastId = 0;

  private constructor(stream: ByteStream) {
    this.#stream = stream;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", (error) => this.#onEnded(new QmpDisconnectedError(error.message), "lost"));
    const byQemu = (): void =>
      this.#onEnded(new QmpDisconnectedError("QEMU has closed it"), "closed-by-qemu");
    stream.on("end", byQemu);
    stream.on("close", byQemu);
  }

  /**
   * Waits for the greeting, and leaves the negotiation behind. The stream is this connection's from now on,
   * and is ended where this fails.
   *
   * @throws QmpDisconnectedError, QmpProtocolError, QmpError; the signal's reason
   */
  static async open(stream: ByteStream, signal: AbortSignal): Promise<QmpConnection> {
    const connection = new QmpConnection(stream);
    try {
      const greeting = await connection.#wait(signal, (pending) => (connection.#greeting = pending));
      if (!isRecord(greeting["QMP"])) throw new QmpProtocolError("it does not begin with QMP's greeting");
      await connection.execute("qmp_capabilities", undefined, signal);
      return connection;
    } catch (cause) {
      connection.close();
      throw cause;
    }
  }

  /** See {@link QmpMonitor.execute}. @throws also QmpDisconnectedError */
  async execute(command: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown> {
    const id = String(++this.#lastId);
    const message = await this.#wait(signal, (pending) => {
      this.#pending.set(id, pending);
      const text = JSON.stringify({ execute: command, ...(args && { arguments: args }), id });
      this.#stream.write(`${text}\n`);
    }).finally(() => this.#pending.delete(id));
    return resultOf(message);
  }

  /** Hears every event from now on, until the returned function is called. */
  listen(listener: (event: QmpEvent) => void): () => void {
    // of its own, so that one function may listen twice
    const own = (event: QmpEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Lets the next client have its turn. */
  close(): void {
    this.#onEnded(new QmpDisconnectedError("it was closed"), "lost");
  }

  async #wait(signal: AbortSignal | undefined, begin: (pending: Pending) => void): Promise<Message> {
    signal?.throwIfAborted();
    if (this.#end !== undefined) throw this.#end;
    const answered = new Promise<Message>((resolve, reject) => begin({ answer: resolve, reject }));
    return untilAborted(answered, signal);
  }

  #read(chunk: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      for (const text of this.#splitter.push(chunk)) this.#take(parseQmpMessage(text));
    } catch (cause) {
      this.#onEnded(cause as Error, "lost");
    }
  }

  #take(message: Message): void {
    const { event, data, id } = message;
    if (this.#greeting !== undefined) {
      this.#greeting.answer(message);
      this.#greeting = undefined;
    } else if (typeof event === "string") {
      const told: QmpEvent = { event, data: isRecord(data) ? data : {} };
      for (const listener of [...this.#listeners]) listener(told);
    } else if (typeof id === "string") {
      // an answer that nobody waits for any more came after its signal
      this.#pending.get(id)?.answer(message);
    } else {
      throw new QmpProtocolError("an answer bears no id");
    }
  }

  #onEnded(reason: Error, end: QmpEnd): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    for (const { reject } of [this.#greeting, ...this.#pending.values()].filter((one) => one !== undefined))
      reject(reason);
    this.#greeting = undefined;
    this.#pending.clear();
    this.#stream.destroy();
    this.#resolveClosed(end);
  }
}
