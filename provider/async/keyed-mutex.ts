import { untilAborted } from "./abort";

/** One mutex per name, first come first served. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Waits for the name's turn.
   *
   * @returns the release; calling it again does nothing
   * @throws the signal's reason, without having taken anything
   */
  async lock(name: string, signal?: AbortSignal): Promise<() => void> {
    const before = this.#last.get(name) ?? Promise.resolve();
    let finish!: () => void;
    const mine = new Promise<void>((resolve) => (finish = resolve));
    // Whoever comes next waits for those before as well, should this one leave the queue early.
    const last = before.then(() => mine);
    this.#last.set(name, last);
    void last.then(() => {
      if (this.#last.get(name) === last) this.#last.delete(name);
    });
    try {
      await untilAborted(before, signal);
    } catch (error) {
      finish();
      throw error;
    }
    return finish;
  }
}
