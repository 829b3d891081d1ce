import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { onAbort } from "../../../provider/async/abort";
import {
  isRecord,
  parseQmpReply,
  type QmpArguments,
  type QmpEvent,
  type QmpListener,
  type QmpMonitor,
} from "../../../provider/qmp";

/** A command whose answer has not come yet. */
interface Pending {
  readonly answer: (text: string) => void;
  readonly fail: (cause: Error) => void;
}

/** QMP over QEMU's own unix socket: one JSON value a line, answers found by their id. */
export class QmpSocket implements QmpMonitor {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<QmpListener>();
  #lastId = 0;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("close", () => this.#end());
    // the close that follows says all there is to say
    socket.on("error", () => undefined);
  }

  /** Connects, and leaves the negotiation behind. */
  static async connect(path: string): Promise<QmpSocket> {
    const socket = connect(path);
    await once(socket, "connect");
    const monitor = new QmpSocket(socket);
    const greeted = new Promise<void>((resolve) => {
      createInterface({ input: socket })
        .on("line", (line) => {
          if (line.startsWith('{"QMP"')) resolve();
          else monitor.#read(line);
        })
        // the socket's own, once more
        .on("error", () => undefined);
    });
    await greeted;
    await monitor.execute("qmp_capabilities");
    return monitor;
  }

  /** Whether QEMU has ended, or this has been closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many listen now: none once every operation has ended. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  async execute(command: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new Error(`QEMU has ended, so nobody answers ${command}`);
    const id = ++this.#lastId;
    const text = await new Promise<string>((resolve, reject) => {
      const aborted = (): void => settle(() => reject(signal?.reason as Error));
      const stop = signal === undefined ? undefined : onAbort(signal, aborted);
      const settle = (how: () => void): void => {
        stop?.();
        this.#pending.delete(id);
        how();
      };
      this.#pending.set(id, {
        answer: (line) => settle(() => resolve(line)),
        fail: (cause) => settle(() => reject(cause)),
      });
      this.#socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    });
    return parseQmpReply(text);
  }

  /** The way to QEMU lasts as long as QEMU does: `onEnd` hears `guest-stopped` alone. */
  async listen({ onEvent, onEnd }: QmpListener): Promise<() => Promise<void>> {
    // an object of its own, so that one listener may listen twice
    const own: QmpListener = { onEvent, onEnd };
    this.#listeners.add(own);
    return async () => void this.#listeners.delete(own);
  }

  /** The next event of this name from now on; rejects where QEMU ends first. */
  next(name: string): Promise<QmpEvent> {
    return new Promise((resolve, reject) => {
      const listener: QmpListener = {
        onEvent: (event) => {
          if (event.event !== name) return;
          this.#listeners.delete(listener);
          resolve(event);
        },
        onEnd: () => {
          this.#listeners.delete(listener);
          reject(new Error(`QEMU has ended, so there will be no ${name}`));
        },
      };
      this.#listeners.add(listener);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(line: string): void {
    const message: unknown = JSON.parse(line);
    if (!isRecord(message)) throw new Error(`QEMU sent something else than an object: ${line}`);
    const { event, data, id } = message;
    if (typeof event === "string") {
      const told: QmpEvent = { event, data: isRecord(data) ? data : {} };
      for (const listener of [...this.#listeners]) listener.onEvent(told);
    }
    // an answer that nobody waits for any more came after its signal
    else this.#pending.get(Number(id))?.answer(line);
  }

  #end(): void {
    this.#isClosed = true;
    for (const { fail } of [...this.#pending.values()]) fail(new Error("QEMU has ended"));
    for (const listener of [...this.#listeners]) listener.onEnd("guest-stopped");
  }
}
