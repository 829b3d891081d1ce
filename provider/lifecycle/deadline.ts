import { setMaxListeners } from "node:events";
import { fail, type ProviderError } from "../errors";

/**
 * One limit for a whole operation: never restarted, whatever happens meanwhile. It ends the waiting;
 * it never means that a command did not happen.
 */
export class Deadline {
  readonly #what: string;
  readonly #limitSeconds: number;
  readonly #endsAt: number;
  /** Aborted when the time is up, or by the signals the deadline was made with. */
  readonly signal: AbortSignal;

  private constructor(what: string, limitSeconds: number, endsAt: number, signal?: AbortSignal) {
    this.#what = what;
    this.#limitSeconds = limitSeconds;
    this.#endsAt = endsAt;
    const own = new AbortController();
    const timeUp = (): void => own.abort(this.error("the time ran out"));
    setTimeout(timeUp, this.remainingMs).unref();
    this.signal = signal === undefined ? anySignal(own.signal) : anySignal(own.signal, signal);
  }

  /** @param what the operation in words, for the error: `attach`. */
  static start(what: string, limitSeconds: number, signal?: AbortSignal): Deadline {
    return new Deadline(what, limitSeconds, Date.now() + limitSeconds * 1000, signal);
  }

  /** The same limit, ended by another signal as well. */
  withSignal(signal: AbortSignal): Deadline {
    return new Deadline(this.#what, this.#limitSeconds, this.#endsAt, signal);
  }

  get isOver(): boolean {
    return this.remainingMs === 0;
  }

  get remainingMs(): number {
    return Math.max(0, this.#endsAt - Date.now());
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
