import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Of what was printed before a command began nothing is needed. */
const MOST_CHARACTERS = 256 * 1024;

/** The shell on a guest's serial port; see lab/image/recipe/guest-init.sh, its other end. */
export class GuestConsole {
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();
  /** Printed since the last command was sent, or since the last reset. */
  #text = "";
  #isReady = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-MOST_CHARACTERS);
      if (this.#text.includes("GUEST-READY")) this.#isReady = true;
      for (const wake of this.#waiting) wake();
    });
    // QEMU ending ends this as well; whoever waits is told by his limit
    socket.on("error", () => undefined);
  }

  static async connect(path: string): Promise<GuestConsole> {
    const socket = connect(path);
    await once(socket, "connect");
    return new GuestConsole(socket);
  }

  /** Whether the guest's first process reads commands. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** The guest was reset: it has yet to boot. */
  forget(): void {
    this.#isReady = false;
    this.#text = "";
  }

  /** Resolves when the guest has booted, at once where it has. */
  async booted(limitMs: number): Promise<void> {
    await this.#until(() => this.#isReady, limitMs, "the guest has not booted");
  }

  /** Runs one line, after those before it have ended, and returns what it prints; throws where it fails. */
  run(command: string, limitMs: number): Promise<string> {
    const running = this.#turn.then(async () => {
      await this.booted(limitMs);
      const mark = `mark-${randomUUID()}`;
      const end = new RegExp(`^${mark} (\\d+)\r?\n`, "m");
      this.#text = "";
      this.#socket.write(`${command}\necho ${mark} $status\n`);
      await this.#until(() => end.test(this.#text), limitMs, `"${command}" has not ended in the guest`);
      const found = end.exec(this.#text);
      const printed = this.#text.slice(0, found?.index).replaceAll("\r", "");
      if (found?.[1] !== "0")
        throw new Error(`in the guest, "${command}" ended with ${found?.[1]}: ${printed}`);
      return printed;
    });
    this.#turn = running.catch(() => undefined);
    return running;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(holds: () => boolean, limitMs: number, otherwise: string): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (holds()) end(resolve);
      };
      const end = (how: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        how();
      };
      const timer = setTimeout(
        () => end(() => reject(new Error(`${otherwise} within ${limitMs} ms: ${this.#text.slice(-500)}`))),
        limitMs,
      );
      this.#waiting.add(look);
    });
  }
}
