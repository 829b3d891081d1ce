import { providerError, type ProviderError } from "../errors";
import { anySignal } from "./abort";
import { now, setTimer, type Timer } from "./clock";
import type { PausableClock } from "./queue-deadlines";
import { sleep } from "./sleep";

/**
 * One limit for a whole operation: never restarted, whatever happens meanwhile. It ends the waiting;
 * it never means that a command did not happen. Only what is known to take its time makes it longer.
 *
 * It stands still while another operation of this process has what is waited for: that one has a limit of its
 * own (docs/internals/decisions/0013-one-queue-per-command.md).
 */
export class Deadline implements PausableClock {
  readonly #what: string;
  readonly #own = new AbortController();
  #limitSeconds: number;
  #leftMs: number;
  /** Undefined while the clock stands. */
  #runsSince: number | undefined;
  #timer: Timer | undefined;
  /** Aborted when the time is up, or by the signals the deadline was made with. */
  readonly signal: AbortSignal;

  private constructor(what: string, limitSeconds: number, leftMs: number, signal?: AbortSignal) {
    this.#what = what;
    this.#limitSeconds = limitSeconds;
    this.#leftMs = leftMs;
    this.signal = anySignal(this.#own.signal, signal);
    this.resume();
  }

  /** @param what the operation in words, for the error: `attach`. */
  static start(what: string, limitSeconds: number, signal?: AbortSignal): Deadline {
    return new Deadline(what, limitSeconds, limitSeconds * 1000, signal);
  }

  /** The rest of the same limit, ended by another signal as well. */
  withSignal(signal: AbortSignal): Deadline {
    return new Deadline(this.#what, this.#limitSeconds, this.remainingMs, signal);
  }

  get isOver(): boolean {
    return this.remainingMs === 0;
  }

  get remainingMs(): number {
    const ranMs = this.#runsSince === undefined ? 0 : now() - this.#runsSince;
    return Math.max(0, this.#leftMs - ranMs);
  }

  /** Its clock stands still from now on, and no time is up meanwhile. */
  pause(): void {
    this.#leftMs = this.remainingMs;
    this.#runsSince = undefined;
    this.#timer?.cancel();
  }

  /** Its clock runs on, with the time that was left. */
  resume(): void {
    if (this.#runsSince !== undefined) return;
    this.#runsSince = now();
    const timeUp = (): void => this.#own.abort(this.error("the time ran out"));
    this.#timer = setTimer(timeUp, this.#leftMs, { isBackground: true });
  }

  /** Makes it longer, for what takes so long by itself; one that is over stays over. */
  extend(seconds: number): void {
    if (this.isOver) return;
    this.pause();
    this.#limitSeconds += seconds;
    this.#leftMs += seconds * 1000;
    this.resume();
  }

  /** Sleeps; if the time is up before that, fails with this reason for it. */
  async sleep(ms: number, reason: string): Promise<void> {
    await sleep(ms, this.signal).catch((cause: unknown) => {
      throw this.isOver ? this.error(reason) : cause;
    });
  }

  /** The error of an operation that took too long, saying what it was waiting for. */
  error(reason: string): ProviderError {
    return providerError("DEADLINE_EXCEEDED", { what: this.#what, seconds: this.#limitSeconds, reason });
  }
}
