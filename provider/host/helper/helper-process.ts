import { providerError } from "../../errors";
import { untilAborted } from "../../async/abort";
import { setRepeatingTimer, setTimer, type Timer } from "../../async/clock";
import type { RemoteCommand, RemoteHost } from "../../async/remote-command";
import { WRONG_SHELL_EXIT_CODE, type HelperProgram, type VersionRange } from "./helper-program";
import { LINE_LIMIT, LineReader } from "./line-reader";

/** A line every two seconds; the program on the host gives up after ten without. */
const HEARTBEAT_MS = 2000;

const START_LIMIT_MS = 30_000;

/** What may wait to be read by the program: requests have some hundred bytes, and it reads each at once. */
const UNREAD_LIMIT_BYTES = 1024 * 1024;

/** Begins the answers on standard error, and nothing that a tool complains of. */
const ANSWER_SIGN = "= ";

/** What is kept of what tools complain of, and of what a login prints before the program has greeted. */
const COMPLAINTS_LIMIT = 500;

/** What the program says where no process named sshd is among its ancestors (helper.sh). */
const WITHOUT_SSHD = "cannot find the sshd process that serves this connection";

/** Takes the answers to one request: `verb ID text`. */
export type AnswerHandler = (verb: string, text: string) => void;

/** One request and its answers. */
export interface Exchange<T> {
  readonly id: string;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/**
 * A running helper, or host program: sends requests, hands out the answers by id, keeps up the heartbeat.
 * Answers come in two streams: those of the program's own process on standard error, those of its children on
 * standard output.
 */
export class HelperProcess {
  /** Resolves once the program has ended, or its connection. */
  readonly ended: Promise<Error>;
  readonly #process: RemoteCommand;
  readonly #target: string;
  readonly #server: string;
  readonly #program: HelperProgram;
  readonly #handlers = new Map<string, AnswerHandler>();
  #resolveEnded!: (reason: Error) => void;
  #lastId = 0;
  #complaints = "";
  /** By the login's own scripts, or what stands in place of its shell. */
  #printed = "";
  #hasGreeted = false;
  #heartbeat: Timer | undefined;
  #end: Error | undefined;

  /**
   * @param onBegun told of it before it has greeted
   * @throws the program's errors, SSH_HELPER_TOOL_MISSING, SSH_LOGIN_UNFINISHED, SSH_SERVER_UNSUPPORTED, and
   * the codes of exec
   */
  static async start(
    host: RemoteHost,
    program: HelperProgram,
    onBegun: (helper: HelperProcess) => void = () => undefined,
  ): Promise<HelperProcess> {
    const helper = new HelperProcess(host, program, await host.exec(program.command));
    onBegun(helper);
    await helper.#untilReady();
    return helper;
  }

  private constructor(host: RemoteHost, program: HelperProgram, process: RemoteCommand) {
    this.#target = host.label;
    this.#server = host.serverVersion ?? "";
    this.#program = program;
    this.#process = process;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    const { stdio } = process;
    // One character per byte; whoever puts the pieces together decodes them.
    stdio.setEncoding("latin1");
    const [answers, errors] = [new LineReader(), new LineReader()];
    stdio.on("data", (text: string) => {
      if (!this.#hasGreeted) this.#printed = (this.#printed + text).slice(0, COMPLAINTS_LIMIT);
      this.#read(answers, text, (line) => this.#take(line));
    });
    process.readStderr((chunk) =>
      this.#read(errors, chunk.toString("latin1"), (line) => this.#takeOfStderr(line)),
    );
    // A shell that finds no program ends while it is still being written to; its exit status says more.
    stdio.on("error", (error) => {
      void process.exited.then(({ code }) => this.#onEnded(code === null ? error : this.#exitError(code)));
    });
    // Not at the exit status: what was printed before may come after it.
    stdio.on("close", () => {
      void process.exited.then(({ code }) => this.#onEnded(this.#exitError(code)));
    });
  }

  /** What was printed in place of a greeting so far, as one line. */
  get printed(): string {
    const text = Buffer.from(this.#printed, "latin1").toString("utf8");
    return `${text}\n${this.#process.stderrText}`.trim().replace(/\s+/g, " ").slice(0, COMPLAINTS_LIMIT);
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  /**
   * One exchange: `talk` sends the request and returns what takes the answers.
   *
   * @throws what the exchange rejects with; why the helper ended; the signal's reason
   */
  async converse<T>(talk: (exchange: Exchange<T>) => AnswerHandler, signal?: AbortSignal): Promise<T> {
    if (this.#end !== undefined) throw this.#end;
    const id = String(++this.#lastId);
    const answered = new Promise<T>((resolve, reject) => {
      void this.ended.then(reject);
      this.#handlers.set(id, talk({ id, resolve, reject }));
    });
    try {
      return await untilAborted(answered, signal);
    } finally {
      this.#handlers.delete(id);
    }
  }

  send(line: string): void {
    if (!this.isRunning) return;
    const { stdio } = this.#process;
    stdio.write(`${line}\n`);
    if (stdio.writableLength > UNREAD_LIMIT_BYTES) this.end("it does not read what it is sent");
  }

  /** Asks it to end, and waits for that. */
  async quit(): Promise<void> {
    this.send("quit");
    await this.ended;
  }

  /** Ends it from here; whoever waits for an answer gets the program's error with this reason. */
  end(reason: string): void {
    this.#onEnded(this.#failedError(reason));
  }

  async #untilReady(): Promise<void> {
    let timer: Timer | undefined;
    try {
      const greeting = await new Promise<string>((resolve, reject) => {
        void this.ended.then(reject);
        timer = setTimer(() => {
          const details = {
            target: this.#target,
            waitedSeconds: START_LIMIT_MS / 1000,
            printed: this.printed,
          };
          reject(providerError("SSH_LOGIN_UNFINISHED", details));
        }, START_LIMIT_MS);
        this.#handlers.set(this.#program.readyWord, (_verb, text) => resolve(text));
        this.#handlers.set("start", (_verb, text) => reject(this.#refusalOf(text)));
        if (this.#program.text !== "") this.#process.stdio.write(this.#program.text);
      });
      this.#agreeOnVersion(greeting);
    } catch (error) {
      this.#process.stdio.destroy();
      throw error;
    } finally {
      timer?.cancel();
    }
    this.#hasGreeted = true;
    this.#heartbeat = setRepeatingTimer(() => this.send("beat"), HEARTBEAT_MS);
    if (!this.isRunning) this.#heartbeat.cancel();
  }

  /** The newest version that both sides know is spoken; the program is told before anything else. */
  #agreeOnVersion(greeting: string): void {
    const { versions, errors } = this.#program;
    if (versions === undefined) return;
    const [, newest = "0", oldest = "0"] = / (\d{1,9}) (\d{1,9})$/.exec(greeting) ?? [];
    const found = { newest: Number(newest), oldest: Number(oldest) };
    const version = commonVersion(versions, found);
    if (version === undefined) throw errors.outdated(this.#target, found);
    const speaking = this.converse<undefined>(({ id, resolve, reject }) => {
      this.send(`speak ${id} ${version}`);
      return (verb, text) =>
        verb === "fail" ? reject(errors.failed(this.#target, text)) : resolve(undefined);
    });
    speaking.catch((error: unknown) => this.#onEnded(error as Error));
  }

  #read(reader: LineReader, text: string, take: (line: string) => void): void {
    const lines = reader.push(text);
    if (lines !== undefined) lines.forEach(take);
    else this.end(`it sent a line of over ${LINE_LIMIT} bytes`);
  }

  #takeOfStderr(line: string): void {
    if (line.startsWith(ANSWER_SIGN)) this.#take(line.slice(ANSWER_SIGN.length));
    else if (this.#complaints.length < COMPLAINTS_LIMIT) this.#complaints += `${line}\n`;
  }

  #take(line: string): void {
    // A name within may hold any byte but the end of a line, a carriage return too.
    const [, verb, id, answer] = /^(\S+) (\S+) ?(.*)$/s.exec(line) ?? [];
    if (verb === undefined || id === undefined) return;
    // Before the second version it greeted with its name and the version, and waited for its one request.
    const { readyWord, errors } = this.#program;
    if (!this.#hasGreeted && verb === readyWord && /^\d{1,9}$/.test(id))
      this.#onEnded(errors.outdated(this.#target, { newest: Number(id), oldest: Number(id) }));
    else this.#handlers.get(id)?.(verb, answer ?? "");
  }

  #onEnded(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#heartbeat?.cancel();
    this.#end = reason;
    this.#handlers.clear();
    this.#resolveEnded(reason);
    this.#process.stdio.destroy();
  }

  #refusalOf(text: string): Error {
    if (text !== WITHOUT_SSHD) return this.#program.errors.refused(this.#target, text);
    const server = this.#server === "" ? "of no name" : this.#server;
    return providerError("SSH_SERVER_UNSUPPORTED", { target: this.#target, server });
  }

  #failedError(reason: string): Error {
    return this.#program.errors.failed(this.#target, reason);
  }

  #exitError(code: number | null): Error {
    // An installed program is run by sudo, whose exit code says nothing of bash.
    if (this.#program.text !== "") {
      // The shell's number for a command that it does not find.
      if (code === 127)
        return providerError("SSH_HELPER_TOOL_MISSING", {
          target: this.#target,
          tool: "bash",
          debianPackage: "bash",
        });
      if (code === WRONG_SHELL_EXIT_CODE)
        return this.#failedError(
          "a login script starts another shell in place of the command that it is to run",
        );
    }
    if (this.#process.refusal !== undefined) return this.#process.refusal;
    const told = this.#hasGreeted ? this.#complaints.trim().slice(0, COMPLAINTS_LIMIT) : this.printed;
    const how = code === null ? "it was ended" : `it ended with exit code ${code}`;
    return this.#failedError(told === "" ? how : `${how}: ${told}`);
  }
}

/** The newest version that both sides speak. */
function commonVersion(own: VersionRange, found: VersionRange): number | undefined {
  const newest = Math.min(own.newest, found.newest);
  return newest >= Math.max(own.oldest, found.oldest) ? newest : undefined;
}
