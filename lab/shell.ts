import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** What a command did. */
export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; 128 and the signal's number where a signal ended it. */
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

/**
 * Root's shell on the machine, through a virtio port (image/recipe/…/lab-shell is the other end): no login,
 * no network, any number of commands at once. One process at a time can have it.
 */
export class Shell {
  private readonly waiting = new Map<string, (result: ExecResult) => void>();

  private constructor(private readonly socket: Socket) {
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => {
      const [id = "", code, stdout = "", stderr = ""] = line.split(" ");
      // A reply to an earlier connection's request, or the rest of one, belongs to nobody here.
      this.waiting.get(id)?.({
        code: Number(code),
        stdout: fromHex(stdout),
        stderr: fromHex(stderr),
      });
    });
    // Whoever waits for a reply is told by its deadline; the cause is at the machine.
    socket.on("error", () => undefined);
    lines.on("error", () => undefined);
  }

  static async connect(socketPath: string): Promise<Shell> {
    const socket = connect(socketPath);
    await once(socket, "connect");
    return new Shell(socket);
  }

  /** Runs a shell command to its end; its exit code is the caller's to judge. */
  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const timeoutMs = options.timeoutMs ?? EXEC_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const id = randomUUID();
    const closed = (): void => stop(new Error("the lab was restored or closed"));
    const aborted = (): void => stop(signal.reason);
    let stop: (reason: unknown) => void = () => undefined;
    try {
      return await new Promise<ExecResult>((resolve, reject) => {
        stop = (reason) =>
          reject(
            new Error(`In the lab, "${command}" did not end (limit ${timeoutMs} ms)`, { cause: reason }),
          );
        this.waiting.set(id, resolve);
        if (signal.aborted) aborted();
        signal.addEventListener("abort", aborted);
        this.socket.once("close", closed);
        this.socket.write(`${id} ${toHex(command)} ${toHex(options.input ?? "")}\n`);
      });
    } finally {
      this.waiting.delete(id);
      signal.removeEventListener("abort", aborted);
      this.socket.off("close", closed);
    }
  }

  /** Leaves the port to the next user. */
  close(): void {
    this.socket.destroy();
  }
}

function toHex(text: string): string {
  return Buffer.from(text, "utf8").toString("hex");
}

function fromHex(hex: string): string {
  return Buffer.from(hex, "hex").toString("utf8");
}

/** A text as one word of a shell's command line. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
