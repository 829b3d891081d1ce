import { Alarm } from "./sleep";

/** Events in their order, for one reader that waits for the next. */
export class EventQueue<T> {
  readonly #unread: T[] = [];
  readonly #alarm = new Alarm();

  /** Adds one behind the others, and wakes the reader. */
  put(event: T): void {
    this.#unread.push(event);
    this.#alarm.wake();
  }

  /** Whether it is among those that have not been taken yet. */
  holds(event: T): boolean {
    return this.#unread.includes(event);
  }

  /** The next; `silence` if none comes for so long. @throws the signal's reason, if there is none yet */
  async take(signal: AbortSignal, silenceMs: number): Promise<T | "silence"> {
    if (this.#unread.length === 0) await this.#alarm.sleep(silenceMs, signal);
    return this.#unread.shift() ?? "silence";
  }
}
