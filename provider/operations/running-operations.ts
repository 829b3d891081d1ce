import { settledWithin } from "../async/time-limit";
import { providerError } from "../errors";

/** What has not ended so long after its own limit hangs in a call to the host that nobody can end. */
const GRACE_MS = 60_000;

/** The operations of this process that reach for a host, and their common end. */
export class RunningOperations {
  readonly #underWay = new Map<Promise<unknown>, { readonly limitMs: number }>();
  readonly #ending = new AbortController();

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /**
   * Runs one operation.
   *
   * @param limitSeconds how long it may take, once it has begun to touch something
   * @param body its signal asks it to give up what it waits for, and to finish what it has begun
   * @throws PROVIDER_ENDING after {@link end}; what the body throws
   */
  async run<T>(limitSeconds: number, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    const running = body(signal);
    this.#underWay.set(running, { limitMs: limitSeconds * 1000 });
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  /**
   * Refuses further operations, and resolves when those under way have ended. One whose calls never come
   * back is not waited for longer than a minute beyond its limit.
   *
   * @param reason in words, for the error of what is refused or given up
   * @param limitMs waits no longer than this for any of them
   */
  async end(reason: string, limitMs = Infinity): Promise<void> {
    this.#ending.abort(providerError("PROVIDER_ENDING", { reason }));
    const endings = [...this.#underWay].map(([running, own]) =>
      settledWithin(running, Math.min(own.limitMs + GRACE_MS, limitMs)),
    );
    await Promise.all(endings);
  }
}
