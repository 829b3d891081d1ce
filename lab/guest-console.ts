import type { ClientChannel } from "ssh2";
import { uniqueMark, type Shell } from "./shell";

/** The guests of the lab. */
export const GUESTS = ["guest1", "guest2"] as const;
export type GuestName = (typeof GUESTS)[number];

const RUN_TIMEOUT_MS = 30_000;

/** A guest's serial console, on which its first process reads commands (see image/guest-init.sh). */
export class GuestConsole {
  private text = "";
  private onText: () => void = () => undefined;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly guest: GuestName,
    private readonly channel: ClientChannel,
  ) {
    channel.setEncoding("utf8").on("data", (text: string) => {
      this.text += text;
      this.onText();
    });
  }

  /** Opens the console; only one client at a time can have it. */
  static async open(shell: Shell, guest: GuestName): Promise<GuestConsole> {
    return new GuestConsole(guest, await shell.openSocket(`/run/lab/${guest}.console`));
  }

  /** Waits for the line that the guest prints when it has booted; it prints it once. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    await this.textUpTo("GUEST-READY", timeoutMs);
  }

  /** Runs one line in the guest, after those before it, and returns what it prints; throws if it fails. */
  run(command: string): Promise<string> {
    const result = this.turn.then(() => this.runNow(command));
    this.turn = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.channel.destroy();
  }

  private async runNow(command: string): Promise<string> {
    if (command.includes("\n")) throw new Error("A guest's console takes one line at a time");
    const mark = uniqueMark();
    this.text = "";
    this.channel.write(`${command}\necho ${mark} $status\n`);
    const output = await this.textUpTo(`${mark} `, RUN_TIMEOUT_MS);
    const status = (await this.textUpTo("\n", RUN_TIMEOUT_MS)).trim();
    if (status !== "0") throw new Error(`In ${this.guest}, "${command}" ended with ${status}: ${output}`);
    return output.replaceAll("\r", "");
  }

  /** Takes the text before `end`, and `end`, away from what has arrived. */
  private textUpTo(end: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.onText = () => undefined;
        reject(new Error(`${this.guest} did not print "${end}" within ${timeoutMs} ms, only: ${this.text}`));
      }, timeoutMs);
      this.onText = () => {
        const at = this.text.indexOf(end);
        if (at < 0) return;
        clearTimeout(timer);
        this.onText = () => undefined;
        const before = this.text.slice(0, at);
        this.text = this.text.slice(at + end.length);
        resolve(before);
      };
      this.onText();
    });
  }
}
