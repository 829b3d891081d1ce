import { providerError } from "../../errors";
import { untilAborted } from "../../async/abort";
import { setRepeatingTimer, setTimer, type Timer } from "../../async/clock";
import type { RemoteCommand, RemoteHost } from "../../async/remote-command";
import {
  HOST_HELPER_COMMAND,
  HOST_HELPER_PROGRAM,
  READY_WORD,
  WRONG_SHELL_EXIT_CODE,
} from "./helper-program";

/** A line every two seconds; the program on the host gives up after ten without. */
const HEARTBEAT_MS = 2000;

const START_LIMIT_MS = 30_000;

/** No answer of the program's is longer than about 1100 bytes. */
const LINE_LIMIT = 8 * 1024;

/** What may wait to be read by the program: requests have some hundred bytes, and it reads each at once. */
const UNREAD_LIMIT_BYTES = 1024 * 1024;

/** Takes the answers to one request: `verb ID text`. */
export type AnswerHandler = (verb: string, text: string) => void;

/** One request and its answers. */
export interface Exchange<T> {
  readonly id: string;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
}

/** The running helper program: sends requests, hands out the answers by id, keeps up the heartbeat. */
export class HelperProcess {
  /** Resolves once the program has ended, or its connection. */
  readonly ended: Promise<Error>;
  readonly #process: RemoteCommand;
  readonly #host: RemoteHost;
  readonly #handlers = new Map<string, AnswerHandler>();
  #resolveEnded!: (reason: Error) => void;
  #lastId = 0;
  #rest = "";
  #heartbeat: Timer | undefined;
  #end: Error | undefined;

  /** @throws SSH_HELPER_FAILED, SSH_HELPER_TOOL_MISSING, and the codes of exec */
  static async start(host: RemoteHost): Promise<HelperProcess> {
    const helper = new HelperProcess(host, await host.exec(HOST_HELPER_COMMAND));
    await helper.#untilReady();
    return helper;
  }

  private constructor(host: RemoteHost, process: RemoteCommand) {
    this.#host = host;
    this.#process = process;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    const { stdio } = process;
    // One character per byte; whoever puts the pieces together decodes them.
    stdio.setEncoding("latin1");
    stdio.on("data", (text: string) => this.#read(text));
    // A shell that finds no program ends while it is still being written to; its exit status says more.
    stdio.on("error", (error) => {
      void process.exited.then(({ code }) => this.#onEnded(code === null ? error : this.#exitError(code)));
    });
    // Not at the exit status: what was printed before may come after it.
    stdio.on("close", () => {
      void process.exited.then(({ code }) => this.#onEnded(this.#exitError(code)));
    });
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
    if (stdio.writableLength > UNREAD_LIMIT_BYTES)
      stdio.destroy(this.#helperError("it does not read what it is sent"));
  }

  /** Asks it to end, and waits for that. */
  async quit(): Promise<void> {
    this.send("quit");
    await this.ended;
  }

  /** Ends it from here; whoever waits for an answer gets SSH_HELPER_FAILED with this reason. */
  end(reason: string): void {
    this.#onEnded(this.#helperError(reason));
  }

  async #untilReady(): Promise<void> {
    let timer: Timer | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const target = this.#host.label;
        void this.ended.then(reject);
        timer = setTimer(() => reject(this.#helperError("it did not answer within 30 s")), START_LIMIT_MS);
        this.#handlers.set(READY_WORD, () => resolve());
        this.#handlers.set("start", (_verb, text) => reject(helperError(target, text)));
        this.#process.stdio.write(HOST_HELPER_PROGRAM);
      });
    } catch (error) {
      this.#process.stdio.destroy();
      throw error;
    } finally {
      timer?.cancel();
    }
    this.#heartbeat = setRepeatingTimer(() => this.send("beat"), HEARTBEAT_MS);
    if (!this.isRunning) this.#heartbeat.cancel();
  }

  #read(text: string): void {
    if (!text.includes("\n")) {
      // put together when its end has come: a peer that sends byte after byte must not have each copied with
      // all before
      this.#rest += text;
      this.#endAtLongLine();
      return;
    }
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#endAtLongLine()) return;
    for (const line of lines) {
      // A name within may hold any byte but the end of a line, a carriage return too.
      const [, verb, id, answer] = /^(\S+) (\S+) ?(.*)$/s.exec(line) ?? [];
      if (verb !== undefined && id !== undefined) this.#handlers.get(id)?.(verb, answer ?? "");
    }
  }

  #endAtLongLine(): boolean {
    if (this.#rest.length <= LINE_LIMIT) return false;
    this.#process.stdio.destroy(this.#helperError(`it sent a line of over ${LINE_LIMIT} bytes`));
    return true;
  }

  #onEnded(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#heartbeat?.cancel();
    this.#end = reason;
    this.#handlers.clear();
    this.#resolveEnded(reason);
    this.#process.stdio.destroy();
  }

  #helperError(reason: string): Error {
    return providerError("SSH_HELPER_FAILED", { target: this.#host.label, reason });
  }

  #exitError(code: number | null): Error {
    const target = this.#host.label;
    // The shell's number for a command that it does not find.
    if (code === 127)
      return providerError("SSH_HELPER_TOOL_MISSING", { target, tool: "bash", debianPackage: "bash" });
    if (code === WRONG_SHELL_EXIT_CODE)
      return this.#helperError(
        "a login script starts another shell in place of the command that it is to run",
      );
    if (this.#process.refusal !== undefined) return this.#process.refusal;
    const stderr = this.#process.stderrText.trim().slice(0, 500);
    const how = code === null ? "it was ended" : `it ended with exit code ${code}`;
    return providerError("SSH_HELPER_FAILED", { target, reason: stderr === "" ? how : `${how}: ${stderr}` });
  }
}

const DEBIAN_PACKAGES: Readonly<Record<string, string>> = { flock: "util-linux", ip: "iproute2" };

/** The error for a `fail` answer: `missing TOOL`, or a text. */
export function helperError(target: string, text: string): Error {
  const [, tool] = /^missing (\S+)$/.exec(text) ?? [];
  const debianPackage = tool === undefined ? undefined : DEBIAN_PACKAGES[tool];
  if (tool === undefined || debianPackage === undefined)
    return providerError("SSH_HELPER_FAILED", { target, reason: text });
  return providerError("SSH_HELPER_TOOL_MISSING", { target, tool, debianPackage });
}
