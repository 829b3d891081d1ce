import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { SshTarget } from "../../../provider/ssh";
import { waitUntil } from "../../support/sshd";

/** lock-client.ts as a process of its own. */
export class ClientProcess {
  #output = "";
  #errors = "";
  readonly #child: ChildProcess;

  constructor(target: SshTarget, names: readonly string[], socketPath = "") {
    const script = join(__dirname, "lock-client.ts");
    const own = [script, JSON.stringify(target), names.join(","), socketPath];
    this.#child = spawn(process.execPath, ["--import", "tsx", ...own], { stdio: "pipe" });
    this.#child.stdout?.on("data", (text) => (this.#output += String(text)));
    this.#child.stderr?.on("data", (text) => (this.#errors += String(text)));
  }

  get output(): string {
    return this.#output;
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until it has printed something like this. */
  async said(pattern: RegExp, limitMs?: number): Promise<void> {
    const what = () => `the client says ${pattern}; it said: ${this.#output} ${this.#errors}`;
    await waitUntil(what(), () => pattern.test(this.#output), limitMs).catch(() => {
      throw new Error(what());
    });
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  end(): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
  }
}
