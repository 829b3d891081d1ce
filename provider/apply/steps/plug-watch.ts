import { Alarm } from "../../async/sleep";
import { endQuietly } from "../end-quietly";
import type { Guest, GuestEvent } from "../ports";

/**
 * Hears the guest from before the first plug of an operation to its end, for all who have to know what
 * happened meanwhile: nothing that it has heard is ever forgotten.
 */
export class PlugWatch {
  readonly #guest: Guest;
  readonly #listeners = new Set<(event: GuestEvent) => void>();
  readonly #deleted: string[] = [];
  readonly #alarm = new Alarm();
  #wasPaused = false;
  #resets = 0;
  #stop: (() => Promise<void>) | undefined;

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** Once more does nothing. */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.#stop !== undefined) return;
    const onEvent = (event: GuestEvent): void => this.#hear(event);
    const listener = { onEvent, onEnd: () => this.#alarm.wake() };
    this.#stop = await this.#guest.listen(listener, signal);
  }

  /** Tells this one too, from now on. */
  tell(listener: (event: GuestEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** How often QEMU has let go of one of these, or of an earlier device of that id whose news came late. */
  countLosses(qemuIds: readonly string[]): number {
    return this.#deleted.filter((id) => qemuIds.includes(id)).length;
  }

  /** How often the guest was reset. */
  get resets(): number {
    return this.#resets;
  }

  /** Whether the guest was paused at some time, and may have been resumed since. */
  get wasPaused(): boolean {
    return this.#wasPaused;
  }

  /** Waits for so long, or until there is news; not at all where that is no time. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (milliseconds <= 0) return;
    await this.#alarm.sleep(milliseconds, signal);
  }

  async end(): Promise<void> {
    await endQuietly(this.#stop);
  }

  #hear(event: GuestEvent): void {
    if (event.kind === "deleted") this.#deleted.push(event.qemuId);
    if (event.kind === "reset") this.#resets += 1;
    if (event.kind === "paused") this.#wasPaused = true;
    for (const listener of this.#listeners) listener(event);
    this.#alarm.wake();
  }
}
