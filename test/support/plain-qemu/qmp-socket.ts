import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import {
  isRecord,
  parseQmpReply,
  type QmpArguments,
  type QmpEvent,
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
  readonly #listeners = new Set<(event: QmpEvent) => void>();
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
      const settle = (how: () => void): void => {
        signal?.removeEventListener("abort", aborted);
        this.#pending.delete(id);
        how();
      };
      this.#pending.set(id, {
        answer: (line) => settle(() => resolve(line)),
        fail: (cause) => settle(() => reject(cause)),
      });
      signal?.addEventListener("abort", aborted, { once: true });
      this.#socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    });
    return parseQmpReply(text);
  }

  /** Adds `STOPPED` when QEMU ends. */
  async listen(listener: (event: QmpEvent) => void): Promise<() => Promise<void>> {
    // of its own, so that one function may listen twice
    const own = (event: QmpEvent): void => listener(event);
    this.#listeners.add(own);
    return async () => void this.#listeners.delete(own);
  }

  /** The next event of this name from now on; rejects where QEMU ends first. */
  next(name: string): Promise<QmpEvent> {
    return new Promise((resolve, reject) => {
      const listener = (event: QmpEvent): void => {
        if (event.event !== name && event.event !== "STOPPED") return;
        this.#listeners.delete(listener);
        if (event.event === name) resolve(event);
        else reject(new Error(`QEMU has ended, so there will be no ${name}`));
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
    if (typeof event === "string") this.#tell({ event, data: isRecord(data) ? data : {} });
    // an answer that nobody waits for any more came after its signal
    else this.#pending.get(Number(id))?.answer(line);
  }

  #tell(event: QmpEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #end(): void {
    this.#isClosed = true;
    for (const { fail } of [...this.#pending.values()]) fail(new Error("QEMU has ended"));
    this.#tell({ event: "STOPPED", data: {} });
  }
}
