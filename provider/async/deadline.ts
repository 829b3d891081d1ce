import { setMaxListeners } from "node:events";
import { providerError, type ProviderError } from "../errors";
import type { PausableClock } from "../apply/ports";

/**
 * One limit for a whole operation: never restarted, whatever happens meanwhile. It ends the waiting;
 * it never means that a command did not happen. Only what is known to take its time makes it longer.
 *
 * It stands still while another operation of this process has what is waited for: that one has a limit of its own
 * (docs/internals/decisions/0013-one-queue-per-command.md).
 */
export class Deadline implements PausableClock {
  readonly #what: string;
  readonly #own = new AbortController();
  #limitSeconds: number;
  #leftMs: number;
  /** Undefined while the clock stands. */
  #runsSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Aborted when the time is up, or by the signals the deadline was made with. */
  readonly signal: AbortSignal;

  private constructor(what: string, limitSeconds: number, leftMs: number, signal?: AbortSignal) {
    this.#what = what;
    this.#limitSeconds = limitSeconds;
    this.#leftMs = leftMs;
    this.signal = anySignal(this.#own.signal, ...(signal === undefined ? [] : [signal]));
    this.go();
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
    const ranMs = this.#runsSince === undefined ? 0 : Date.now() - this.#runsSince;
    return Math.max(0, this.#leftMs - ranMs);
  }

  stop(): void {
    this.#leftMs = this.remainingMs;
    this.#runsSince = undefined;
    clearTimeout(this.#timer);
  }

  go(): void {
    if (this.#runsSince !== undefined) return;
    this.#runsSince = Date.now();
    const timeUp = (): void => this.#own.abort(this.error("the time ran out"));
    this.#timer = setTimeout(timeUp, this.#leftMs).unref();
  }

  /** Makes it longer, for what takes so long by itself; one that is over stays over. */
  extend(seconds: number): void {
    if (this.isOver) return;
    this.stop();
    this.#limitSeconds += seconds;
    this.#leftMs += seconds * 1000;
    this.go();
  }

  /** Waits; where the time is up before that, fails with this reason for it. */
  async pause(milliseconds: number, reason: string): Promise<void> {
    await pause(milliseconds, this.signal).catch((cause: unknown) => {
      throw this.isOver ? this.error(reason) : cause;
    });
  }

  /** The error of an operation that took too long, saying what it was waiting for. */
  error(reason: string): ProviderError {
    return providerError("DEADLINE_EXCEEDED", { what: this.#what, seconds: this.#limitSeconds, reason });
  }
}

/** Aborted with the first of these. Many calls wait on one signal at a time, which Node would warn of. */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  setMaxListeners(0, any);
  return any;
}

/** Waits, or rejects with the signal's reason as soon as it is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
