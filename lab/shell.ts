import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientChannel } from "ssh2";

/** Where the machine's sshd is, and how to log in as root. */
export interface ShellAddress {
  readonly port: number;
  readonly privateKey: string;
  /** Public key line the server must present. */
  readonly hostKey: string;
}

/** What a command did. */
export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Limits of one command; without either it has a minute. */
export interface ExecOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Text on the command's standard input. */
  readonly input?: string;
}

const EXEC_TIMEOUT_MS = 60_000;
const HANDSHAKE_TIMEOUT_MS = 30_000;
const RETRY_MS = 200;

/** One SSH connection to the machine, as root, with as many commands at once as sshd allows (ten). */
export class Shell {
  private constructor(private readonly client: Client) {}

  /** Connects, trying again as long as sshd does not answer, until `timeoutMs` is over. */
  static async connect(address: ShellAddress, timeoutMs: number): Promise<Shell> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      try {
        return new Shell(await dial(address, Math.min(HANDSHAKE_TIMEOUT_MS, timeoutMs)));
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`The lab's sshd does not answer after ${timeoutMs} ms`, { cause: error });
        await sleep(RETRY_MS);
      }
    }
  }

  /** Runs a shell command to its end; its exit code is the caller's to judge. */
  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? EXEC_TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      this.client.exec(command, (error, opened) => (error ? reject(error) : resolve(opened)));
    });
    let stdout = "";
    let stderr = "";
    channel.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    channel.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    let code: number | undefined;
    channel.on("exit", (exitCode: number | null) => (code = exitCode ?? undefined));
    channel.end(options.input ?? "");
    try {
      await once(channel, "close", { signal });
    } catch (error) {
      channel.destroy();
      throw new Error(`In the lab, "${command}" did not end: ${stdout}${stderr}`, { cause: error });
    }
    if (code === undefined)
      throw new Error(`In the lab, "${command}" was cut off or killed: ${stdout}${stderr}`);
    return { stdout, stderr, code };
  }

  /** Opens a channel to a unix socket on the machine. */
  openSocket(path: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.client.openssh_forwardOutStreamLocal(path, (error, channel) =>
        error ? reject(error) : resolve(channel),
      );
    });
  }

  /** Drops the connection at once: after a jump back in time the other end no longer knows of it. */
  drop(): void {
    this.client.destroy();
  }

  /** Says goodbye to sshd and waits until the connection is closed. */
  async end(): Promise<void> {
    const closed = once(this.client, "close");
    this.client.end();
    await closed;
  }
}

function dial(address: ShellAddress, timeoutMs: number): Promise<Client> {
  const expected = address.hostKey.split(" ")[1];
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("ready", () => resolve(client));
    client.on("error", reject);
    client.on("close", () => reject(new Error("Connection closed before it was ready")));
    client.connect({
      host: "127.0.0.1",
      port: address.port,
      username: "root",
      privateKey: address.privateKey,
      hostVerifier: (key: Buffer) => key.toString("base64") === expected,
      readyTimeout: timeoutMs,
    });
  });
}

/** A mark that no command prints by itself. */
export function uniqueMark(): string {
  return `mark-${randomUUID()}`;
}
