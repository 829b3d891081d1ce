/** The clock of an operation that waits for a lock. Both may be called again and again. */
export interface PausableClock {
  /** It stands still from now on. */
  pause(): void;
  /** It runs from now on. */
  resume(): void;
}

/**
 * Stops the clock of each operation that waits in this process's own queue while this process has the lock.
 * Its holder is at work and has a limit of its own. While the first of the queue itself waits, for somebody
 * else on the host, the clocks of all run (docs/internals/decisions/0013-one-queue-per-command.md).
 */
export class QueueDeadlines {
  readonly #held = new Set<string>();
  readonly #waiting = new Map<string, Set<PausableClock>>();

  /** Waits for the turn at the lock of this name. */
  async during<T>(name: string, clock: PausableClock | undefined, turn: Promise<T>): Promise<T> {
    if (clock === undefined) return turn;
    const clocks = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, clocks.add(clock));
    if (this.#held.has(name)) clock.pause();
    try {
      return await turn;
    } finally {
      clock.resume();
      clocks.delete(clock);
      if (clocks.size === 0) this.#waiting.delete(name);
    }
  }

  /** This process has these locks now. */
  granted(names: readonly string[]): void {
    for (const name of names) {
      this.#held.add(name);
      for (const clock of this.#waiting.get(name) ?? []) clock.pause();
    }
  }

  /** This process has let go of these locks. */
  released(names: readonly string[]): void {
    for (const name of names) {
      this.#held.delete(name);
      for (const clock of this.#waiting.get(name) ?? []) clock.resume();
    }
  }
}
