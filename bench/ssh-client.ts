import { spawn } from "node:child_process";

/** Where an `ssh` of this machine leads to. */
export interface SshDestination {
  readonly host: string;
  readonly port: number;
  readonly privateKeyFile: string;
}

const OPTIONS = [
  "StrictHostKeyChecking=no",
  "UserKnownHostsFile=/dev/null",
  "LogLevel=ERROR",
  "BatchMode=yes",
];

/** The installed `ssh` as root, with nobody's configuration. */
export class SshClient {
  readonly #destination: SshDestination;
  readonly #control: readonly string[];

  private constructor(destination: SshDestination, control: readonly string[]) {
    this.#destination = destination;
    this.#control = control;
  }

  /** Each command over a connection of its own. */
  static direct(destination: SshDestination): SshClient {
    return new SshClient(destination, ["-S", "none"]);
  }

  /** Opens a connection (ControlMaster) that all commands share until {@link close}. */
  static async shared(destination: SshDestination, controlPath: string): Promise<SshClient> {
    const client = new SshClient(destination, ["-S", controlPath]);
    await client.#ssh(["-M", "-N", "-f", "-o", "ControlPersist=yes"], []);
    return client;
  }

  /** What makes it, for programs that call ssh by themselves. */
  get args(): readonly string[] {
    const { port, privateKeyFile } = this.#destination;
    const options = OPTIONS.flatMap((one) => ["-o", one]);
    return ["-F", "none", "-p", String(port), "-i", privateKeyFile, ...options];
  }

  /** Runs a command of the host's shell. @throws where it fails, with what it said */
  run(command: string, input?: string): Promise<string> {
    return this.#ssh([], [command], input);
  }

  async close(): Promise<void> {
    await this.#ssh(["-O", "exit"], []);
  }

  #ssh(options: readonly string[], command: readonly string[], input?: string): Promise<string> {
    const to = `root@${this.#destination.host}`;
    return runProgram("ssh", [...this.args, ...this.#control, ...options, to, ...command], input);
  }
}

/** Runs a program to its end and returns what it prints. @throws where it fails, with what it said */
export async function runProgram(program: string, args: readonly string[], input?: string): Promise<string> {
  const background = args.includes("-f");
  // one that goes into the background would keep the pipe of its errors open
  const child = spawn(program, args, { stdio: ["pipe", "pipe", background ? "ignore" : "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (text) => (stdout += String(text)));
  child.stderr?.on("data", (text) => (stderr += String(text)));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once(background ? "exit" : "close", (exitCode: number | null, signal: string | null) =>
      resolve(exitCode ?? signal),
    );
  });
  if (code !== 0) {
    const last = args.at(-1) ?? "";
    throw new Error(`${program} (${last.slice(0, 200)}) ended with ${code}: ${stderr.slice(-500)}`);
  }
  return stdout;
}
