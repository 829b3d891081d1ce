import type { Duplex } from "node:stream";
import { onAbort } from "../../../async/abort";
import type { RemoteCommand } from "../../../async/remote-command";
import { withTimeLimit } from "../../../async/time-limit";
import { causeText, providerError } from "../../../errors";
import { bashCommand } from "../../../host/shell/bash-program";
import type { HostChannels, Privilege } from "./host-channels";
import { HOST_FOLDERS, type HostFolders } from "./host-folders";
import { HOST_PROGRAM_PATH, HOST_PROGRAM_VERSION, HOST_PROGRAM_WORD, hostProgram } from "./host-program";

/** A look at a host with a thousand guests in the ledger has one megabyte. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** A host with a thousand guests that have devices has some ten thousand. */
const MAX_RECORDS = 20_000;
/** A kernel that does not come back from an unbind holds a change up; whoever waits is told in the end. */
const CHANGE_MS = 10 * 60_000;
const HEAD = new RegExp(`(?:^|\n)${HOST_PROGRAM_WORD} (\\d+)\n`);
/** What a login may print before the program begins. */
const MAX_HEAD_BYTES = 64 * 1024;

/** One record of an answer: its kind, and the rest of the line. */
export interface HostRecord {
  readonly kind: string;
  readonly text: string;
}

/** Requests to the host program (program/host-program.sh): one process on the host for each. */
export class HostRequests {
  readonly #channels: HostChannels;
  readonly #privilege: Privilege;
  readonly #program: string;

  constructor(channels: HostChannels, privilege: Privilege, folders: HostFolders = HOST_FOLDERS) {
    this.#channels = channels;
    this.#privilege = privilege;
    this.#program = hostProgram(folders);
  }

  /** A request that changes nothing. @throws HOST_PROGRAM_FAILED; the codes of exec; the signal's reason */
  async look(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    return this.#run(request, signal);
  }

  /** One that changes something: awaited past its signal, because undoing must not overtake it. */
  async change(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    signal.throwIfAborted();
    return withTimeLimit(CHANGE_MS, (limit) => this.#run(request, limit));
  }

  /** A stream to a QEMU's monitor by way of a relay program on the host. */
  async relay(socket: string, signal: AbortSignal): Promise<Duplex> {
    const command = await this.#start(`relay ${socket}`, signal);
    const { stdio } = command;
    const read = { text: "" };
    try {
      await endedByAbort(signal, stdio, () => this.#hasOpened(command, read));
      return stdio;
    } catch (cause) {
      stdio.destroy();
      throw cause;
    }
  }

  /** Reads a byte at a time past the first line of the answer: what follows is QEMU's. */
  async #hasOpened(command: RemoteCommand, read: { text: string }): Promise<void> {
    const { stdio } = command;
    for (;;) {
      const byte = stdio.read(1) as Buffer | null;
      if (byte === null) {
        if (stdio.readableEnded || stdio.destroyed) throw await this.#requestError(command, read.text);
        await somethingToRead(stdio);
        continue;
      }
      read.text += byte.toString("latin1");
      if (read.text.length > MAX_HEAD_BYTES)
        throw this.#programError("it does not begin with its own greeting");
      const rest = this.#afterHead(read.text);
      if (!rest?.endsWith("\n")) continue;
      if (rest === "open\n") return;
      throw await this.#requestError(command, read.text);
    }
  }

  async #run(request: string, signal: AbortSignal): Promise<HostRecord[]> {
    const command = await this.#start(request, signal);
    const { stdio } = command;
    try {
      const chunks: Buffer[] = [];
      await endedByAbort(signal, stdio, async () => {
        let size = 0;
        for await (const chunk of stdio) {
          size += (chunk as Buffer).length;
          if (size > MAX_ANSWER_BYTES)
            throw this.#programError(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
          chunks.push(chunk as Buffer);
        }
      });
      const text = Buffer.concat(chunks).toString("utf8");
      const lines = (this.#afterHead(text) ?? "").split("\n");
      if (lines.pop() !== "" || lines.pop() !== "done") throw await this.#requestError(command, text);
      if (lines.length > MAX_RECORDS)
        throw this.#programError(`its answer has ${lines.length} lines, at most ${MAX_RECORDS} are read`);
      return lines.map((line) => {
        const [, kind = "", rest = ""] = /^(\S*) ?(.*)$/s.exec(line) ?? [];
        return { kind, text: rest };
      });
    } finally {
      stdio.destroy();
    }
  }

  /** A login that is root's is sent the program, an account with sudo runs the installed one. */
  async #start(request: string, signal: AbortSignal): Promise<RemoteCommand> {
    if (/[^\x20-\x7e]/.test(request.replace(/^(write \S+) .*$/s, "$1")) || /[\n\r\0]/.test(request))
      throw new RangeError("not one line of a request");
    const isSent = this.#privilege === "login";
    const line = isSent ? bashCommand(this.#program) : `exec sudo -n ${HOST_PROGRAM_PATH}`;
    const command = await this.#channels.exec(line, signal);
    // a stream that has failed tells whoever reads it
    command.stdio.on("error", () => undefined);
    command.stdio.write(`${isSent ? this.#program : ""}${request}\n`);
    return command;
  }

  /**
   * What follows the program's greeting; undefined before it. @throws HOST_PROGRAM_FAILED for another version
   */
  #afterHead(text: string): string | undefined {
    const head = HEAD.exec(text);
    if (head === null) return undefined;
    if (head[1] !== String(HOST_PROGRAM_VERSION))
      throw this.#programError(
        `${HOST_PROGRAM_PATH} is of version ${head[1]}, and this release needs version ${HOST_PROGRAM_VERSION}`,
      );
    return text.slice(head.index + head[0].length);
  }

  async #requestError(command: RemoteCommand, text: string): Promise<Error> {
    const told = /^fail (.*)$/m.exec(this.#afterHead(text) ?? "")?.[1];
    const { code } = await command.exited;
    const stderr = command.stderrText.trim().slice(0, 500);
    if (told === undefined) {
      const how = code === null ? "it was cut off" : `it ended with exit code ${code}`;
      return this.#programError(stderr === "" ? how : `${how}: ${stderr}`);
    }
    return this.#programError(stderr === "" ? told : `${told}: ${stderr}`);
  }

  #programError(reason: string): Error {
    return providerError("HOST_PROGRAM_FAILED", { target: this.#channels.label, reason });
  }
}

function somethingToRead(stdio: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      for (const name of ["readable", "end", "close", "error"]) stdio.off(name, go);
      resolve();
    };
    for (const name of ["readable", "end", "close", "error"]) stdio.on(name, go);
  });
}

/** Ends the stream with the signal, which ends whatever reads it; the signal's reason is then the error. */
async function endedByAbort(signal: AbortSignal, stdio: Duplex, body: () => Promise<void>): Promise<void> {
  signal.throwIfAborted();
  const stop = onAbort(signal, () => void stdio.destroy(new Error(causeText(signal.reason))));
  try {
    await body();
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  } finally {
    stop();
  }
}
