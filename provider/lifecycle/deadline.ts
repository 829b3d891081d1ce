import { setMaxListeners } from "node:events";
import { fail, type ProviderError } from "../errors";

/**
 * One limit for a whole operation: never restarted, whatever happens meanwhile. It ends the waiting;
 * it never means that a command did not happen. Only what is known to take its time makes it longer.
 */
export class Deadline {
  readonly #what: string;
  readonly #timeUp = new AbortController();
  #limitSeconds: number;
  #endsAt: number;
  #timer: NodeJS.Timeout;
  /** Aborted when the time is up, or by the signals the deadline was made with. */
  readonly signal: AbortSignal;

  private constructor(what: string, limitSeconds: number, endsAt: number, signal?: AbortSignal) {
    this.#what = what;
    this.#limitSeconds = limitSeconds;
    this.#endsAt = endsAt;
    this.#timer = this.#startTimer();
    this.signal = anySignal(this.#timeUp.signal, ...(signal === undefined ? [] : [signal]));
  }

  /** @param what the operation in words, for the error: `attach`. */
  static start(what: string, limitSeconds: number, signal?: AbortSignal): Deadline {
    return new Deadline(what, limitSeconds, Date.now() + limitSeconds * 1000, signal);
  }

  /** The same limit, ended by another signal as well. */
  withSignal(signal: AbortSignal): Deadline {
    return new Deadline(this.#what, this.#limitSeconds, this.#endsAt, signal);
  }

  /** Makes it longer, for what takes so long by itself; one that is over stays over. */
  extend(seconds: number): void {
    if (this.isOver) return;
    this.#limitSeconds += seconds;
    this.#endsAt += seconds * 1000;
    clearTimeout(this.#timer);
    this.#timer = this.#startTimer();
  }

  get isOver(): boolean {
    return this.remainingMs === 0;
  }

  get remainingMs(): number {
    return Math.max(0, this.#endsAt - Date.now());
  }

  #startTimer(): NodeJS.Timeout {
    const timeUp = (): void => this.#timeUp.abort(this.error("the time ran out"));
    return setTimeout(timeUp, this.remainingMs).unref();
  }

  /** The error of an operation that took too long, saying what it was waiting for. */
  error(reason: string): ProviderError {
    return fail("DEADLINE_EXCEEDED", { what: this.#what, seconds: this.#limitSeconds, reason });
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
