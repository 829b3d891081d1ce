import { untilAborted } from "./abort";
import { setTimer, type Timer } from "./clock";

/** Sleeps, or throws the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await new Alarm().sleep(ms, signal);
}

/** Lets somebody sleep until there is news. */
export class Alarm {
  #wake: (() => void) | undefined;

  /** Ends the sleep; does nothing while nobody sleeps. */
  wake(): void {
    this.#wake?.();
  }

  /** Sleeps for so long, or until it is woken. One sleeper at a time. @throws the signal's reason */
  async sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimer(resolve, ms);
    });
    try {
      await untilAborted(over, signal);
    } finally {
      timer?.cancel();
      this.#wake = undefined;
    }
  }
}
