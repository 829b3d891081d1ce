import type { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import { ChannelStream } from "./channel-stream";

/** How a remote command ended. Both null: the connection was lost, or the server did not say. */
export interface SshExit {
  readonly code: number | null;
  /** e.g. `SIGTERM` */
  readonly signal: string | null;
}

/** A command running on the host. */
export interface SshProcess {
  /** Writes to its stdin, reads its stdout. Read it, or the command stalls once the window is full. */
  readonly stdio: Duplex;
  /** The first 16 KiB of stderr so far. */
  readonly stderrText: string;
  /** Never rejects. */
  readonly exited: Promise<SshExit>;
}

const STDERR_LIMIT_BYTES = 16 * 1024;

/** {@link SshProcess} over an exec channel of ssh2. */
export class ChannelProcess implements SshProcess {
  readonly stdio: ChannelStream;
  readonly exited: Promise<SshExit>;
  readonly #stderr: Buffer[] = [];
  #stderrBytes = 0;

  constructor(channel: ClientChannel) {
    this.stdio = new ChannelStream(channel);
    channel.stderr.on("data", (chunk: Buffer) => this.#keep(chunk));
    this.exited = new Promise((resolve) => {
      const end = (code?: number | null, signal?: string): void =>
        resolve({ code: code ?? null, signal: signal ?? null });
      channel.once("exit", end);
      channel.once("close", end);
      this.stdio.once("close", () => resolve({ code: null, signal: null }));
    });
  }

  get stderrText(): string {
    return Buffer.concat(this.#stderr).toString("utf8");
  }

  /** Goes on reading past the limit, so that the command is not held up. */
  #keep(chunk: Buffer): void {
    const rest = STDERR_LIMIT_BYTES - this.#stderrBytes;
    if (rest <= 0) return;
    this.#stderr.push(chunk.subarray(0, rest));
    this.#stderrBytes += Math.min(chunk.length, rest);
  }
}
