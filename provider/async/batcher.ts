import { onNextTurn } from "./clock";

/** Calls that are made together, and what becomes of each. */
interface Waiting<T> {
  readonly what: T;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Makes one call of those that come in one turn of the event loop: the functions that a plan holds or
 * releases together are one command on the host.
 */
export class Batcher<T> {
  readonly #call: (all: readonly T[], signal: AbortSignal) => Promise<void>;
  #waiting: Waiting<T>[] = [];

  constructor(call: (all: readonly T[], signal: AbortSignal) => Promise<void>) {
    this.#call = call;
  }

  add(what: T, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ what, resolve, reject });
      if (this.#waiting.length === 1) onNextTurn(() => void this.#go(signal));
    });
  }

  async #go(signal: AbortSignal): Promise<void> {
    const together = this.#waiting;
    this.#waiting = [];
    try {
      await this.#call(
        together.map((one) => one.what),
        signal,
      );
      for (const one of together) one.resolve();
    } catch (cause) {
      for (const one of together) one.reject(cause);
    }
  }
}
