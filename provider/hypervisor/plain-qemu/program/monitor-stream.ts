import { Duplex } from "node:stream";
import { untilAborted } from "../../../async/abort";
import { RecordReader, type BegunRequest, type HostHelper } from "../../../host/helper";

/** Commands that may be unanswered at a time, in bytes: the program's pipe has room for twice as much. */
const WINDOW_BYTES = 32 * 1024;
/** Of one message; whoever reads the stream has a limit of its own, which is lower. */
const MESSAGE_LIMITS = { bytes: 4 * 1024 * 1024, pieces: 8 * 1024 };
/** Where in a message its id is looked for: at either end, since an answer has two members. */
const ID_DISTANCE = 80;

/**
 * A stream to a QEMU's monitor by way of the host program.
 *
 * @throws the program's errors, the signal's reason
 */
export async function openMonitorStream(
  helper: Pick<HostHelper, "begin">,
  socket: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const stream = new MonitorStream();
  const beginning = helper.begin(`monitor ${socket}`, (verb, text) => stream.onAnswer(verb, text));
  beginning.then(
    (request) => stream.onBegun(request),
    (cause: unknown) => stream.onFailed(cause as Error),
  );
  try {
    await untilAborted(stream.opened, signal);
    return stream;
  } catch (cause) {
    stream.destroy();
    throw cause;
  }
}

/** The two ends of it: what is written is cut into commands, what QEMU says comes a message a line. */
class MonitorStream extends Duplex {
  /** Resolves when the program has reached QEMU's socket. */
  readonly opened: Promise<void>;
  readonly #reader = new RecordReader(MESSAGE_LIMITS);
  /** Bytes of each command that is not answered, by its id. */
  readonly #unanswered = new Map<string, number>();
  #unansweredBytes = 0;
  #rest = "";
  #request: BegunRequest | undefined;
  #resolveOpened!: () => void;
  #rejectOpened!: (cause: Error) => void;
  #waiting: (() => void) | undefined;

  constructor() {
    super({ decodeStrings: false });
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    // whoever opens is told; afterwards the stream itself tells
    this.opened.catch(() => undefined);
    this.on("error", () => undefined);
  }

  onBegun(request: BegunRequest): void {
    this.#request = request;
    request.done.then(
      () => {
        this.#rejectOpened(new Error("the host program has closed it"));
        this.push(null);
      },
      (cause: unknown) => this.onFailed(cause as Error),
    );
    if (this.destroyed) request.more("leave");
  }

  onFailed(cause: Error): void {
    this.#rejectOpened(cause);
    this.destroy(cause);
  }

  onAnswer(verb: string, text: string): void {
    if (verb === "at") return text === "open" ? this.#resolveOpened() : this.#onMessage(text);
    const taken = this.#reader.take(verb, text);
    if (taken === "too-long") throw new Error("a message of QEMU's monitor is too long");
    if (taken === undefined) return;
    this.#reader.startAnew();
    this.#onMessage(taken.record);
  }

  /** Of QEMU's, or an answer of the program's own to a command that it refuses. */
  #onMessage(message: string): void {
    if (this.destroyed) return;
    const ends = `${message.slice(0, ID_DISTANCE)} ${message.slice(-ID_DISTANCE)}`;
    for (const [, id = ""] of ends.matchAll(/"id": ?"(\d{1,9})"/g)) this.#onAnswered(id);
    this.push(`${message}\n`);
  }

  override _read(): void {
    // messages are pushed as they come
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#rest + chunk.toString()).split("\n");
    this.#rest = lines.pop() ?? "";
    const commands = lines.filter((line) => line !== "");
    this.#send(commands, done);
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#request?.more("leave");
    done(cause);
  }

  /** One after the other, as the window has room; what is longer than that goes alone. */
  #send(commands: readonly string[], done: () => void): void {
    for (const [index, command] of commands.entries()) {
      const bytes = Buffer.byteLength(command);
      if (this.#unansweredBytes > 0 && this.#unansweredBytes + bytes > WINDOW_BYTES) {
        this.#waiting = (): void => this.#send(commands.slice(index), done);
        return;
      }
      const id = /"id": ?"(\d{1,9})"/.exec(command.slice(-ID_DISTANCE))?.[1];
      if (id !== undefined) {
        this.#unanswered.set(id, bytes);
        this.#unansweredBytes += bytes;
      }
      this.#request?.more("ask", command);
    }
    done();
  }

  #onAnswered(id: string): void {
    this.#unansweredBytes -= this.#unanswered.get(id) ?? 0;
    this.#unanswered.delete(id);
    const go = this.#waiting;
    this.#waiting = undefined;
    go?.();
  }
}
