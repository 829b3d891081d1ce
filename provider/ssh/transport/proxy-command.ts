import { Duplex, type Readable, type Writable } from "node:stream";
import { settledWithin } from "../../async/time-limit";
import { abortReason } from "../../async/abort";
import { shorten } from "../../errors";
import { startShellCommand, type ShellCommand } from "../config/shell-command";
import { DialFailure } from "./dial-failure";

/** What a command writes to standard error is shown to this length. */
const MAX_SAID = 1000;

/** A command that is at its end is waited for this long, for its last words. */
const END_MS = 500;

/**
 * Starts a ProxyCommand, whose input and output are the connection to the host.
 *
 * @throws DialFailure where the shell cannot be started; the signal's reason
 */
export async function openProxyCommand(command: string, signal: AbortSignal): Promise<Duplex> {
  const started = startShellCommand(command);
  try {
    await started.spawned;
  } catch (error) {
    throw new DialFailure(`the shell for ProxyCommand cannot be started (${(error as Error).message})`, {
      cause: error,
    });
  }
  const stream = new ProxyStream(started);
  if (!signal.aborted) return stream;
  stream.destroy();
  throw abortReason(signal);
}

type Done = (error?: Error | null) => void;

/**
 * A command's input and output as one stream. The command ends with it; where the command ends first, and has
 * said why, the stream's error says it.
 */
export class ProxyStream extends Duplex {
  readonly #command: ShellCommand;
  readonly #input: Writable;
  readonly #output: Readable;
  #hasEnded = false;

  constructor(command: ShellCommand) {
    super({ allowHalfOpen: false });
    this.#command = command;
    this.#input = command.input;
    this.#output = command.output;
    // a stream that nobody looks at any more must not end the whole process
    this.on("error", () => undefined);
    this.#output.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) this.#output.pause();
    });
    this.#output.once("end", () => void this.#onEnded());
    void command.exited.then(() => this.#onEnded());
    this.#output.on("error", (error) => this.destroy(error));
    // a command that reads no more has ended or is about to: its end says why
    this.#input.on("error", () => undefined);
  }

  override _read(): void {
    this.#output.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // what cannot be written is told by the end of the output
    this.#input.write(chunk, () => done());
  }

  override _final(done: Done): void {
    this.#input.end(() => done());
    void settledWithin(this.#command.closed, END_MS).then(() => this.destroy());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#command.end();
    done(error);
  }

  async #onEnded(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await settledWithin(this.#command.closed, END_MS);
    if (this.destroyed) return;
    const reason = this.#endReason();
    if (reason === undefined) this.push(null);
    else this.destroy(new Error(reason));
  }

  /** The end of what the command has written to standard error, on one line. */
  get words(): string {
    return shorten(this.#command.said.trim().replace(/\s*\n\s*/g, " | "), MAX_SAID);
  }

  /** Why the command has ended; undefined where the connection is simply at its end. */
  #endReason(): string | undefined {
    const { exit } = this.#command;
    const { words } = this;
    if (exit === undefined)
      return words === "" ? undefined : `ProxyCommand closed its output and said: ${words}`;
    const how = exit.signal === null ? `with status ${exit.code}` : `by ${exit.signal}`;
    if (words !== "") return `ProxyCommand ended ${how} and said: ${words}`;
    return exit.code === 0 ? undefined : `ProxyCommand ended ${how}, without a word`;
  }
}
