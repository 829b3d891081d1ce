import type { ClientChannel } from "ssh2";
import type { RemoteCommand } from "../../async/remote-command";
import { findExpiredLogin } from "../auth/expired-login";
import { ChannelStream } from "./channel-stream";

/** How a remote command ended. Both null: the connection was lost, or the server did not say. */
export interface SshExit {
  readonly code: number | null;
  /** e.g. `SIGTERM` */
  readonly signal: string | null;
}

/** A command over SSH: {@link RemoteCommand} with the signal that ended it. */
export interface SshProcess extends RemoteCommand {
  readonly exited: Promise<SshExit>;
}

const STDERR_LIMIT_BYTES = 16 * 1024;

/** {@link SshProcess} over an exec channel of ssh2. */
export class ChannelProcess implements SshProcess {
  readonly stdio: ChannelStream;
  readonly exited: Promise<SshExit>;
  readonly #stderr: Buffer[] = [];
  readonly #label: string;
  readonly #channel: ClientChannel;
  #stderrBytes = 0;
  #code: number | null = null;

  /** @param label of the host, for messages */
  constructor(channel: ClientChannel, label: string) {
    this.#label = label;
    this.#channel = channel;
    this.stdio = new ChannelStream(channel);
    channel.stderr.on("data", (chunk: Buffer) => this.#keep(chunk));
    this.exited = new Promise((resolve) => {
      const end = (code?: number | null, signal?: string): void =>
        resolve({ code: code ?? null, signal: signal ?? null });
      channel.once("exit", (code?: number | null) => (this.#code = code ?? null));
      channel.once("exit", end);
      channel.once("close", end);
      this.stdio.once("close", () => resolve({ code: null, signal: null }));
    });
  }

  get stderrText(): string {
    return Buffer.concat(this.#stderr).toString("utf8");
  }

  readStderr(listener: (chunk: Buffer) => void): void {
    for (const chunk of this.#stderr) listener(chunk);
    this.#channel.stderr.on("data", listener);
  }

  /** SSH_PASSWORD_EXPIRED if that is why sshd has not started it. */
  get refusal(): Error | undefined {
    return findExpiredLogin(this.#label, this.#code, this.stderrText);
  }

  /** Goes on reading past the limit, so that the command is not held up. */
  #keep(chunk: Buffer): void {
    const rest = STDERR_LIMIT_BYTES - this.#stderrBytes;
    if (rest <= 0) return;
    this.#stderr.push(chunk.subarray(0, rest));
    this.#stderrBytes += Math.min(chunk.length, rest);
  }
}
