import { untilAborted } from "./abort";

/** A number of places, first come first served. */
export class Semaphore {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Waits for a place.
   *
   * @returns the release; calling it again does nothing
   * @throws the signal's reason, without having taken anything
   */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    let isHeld = true;
    return () => {
      if (isHeld) this.#pass();
      isHeld = false;
    };
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    let go!: () => void;
    const turn = new Promise<void>((resolve) => (go = resolve));
    this.#waiting.push(go);
    try {
      await untilAborted(turn, signal);
    } catch (cause) {
      const position = this.#waiting.indexOf(go);
      // a place that came in the same moment is for the next
      if (position < 0) this.#pass();
      else this.#waiting.splice(position, 1);
      throw cause;
    }
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
