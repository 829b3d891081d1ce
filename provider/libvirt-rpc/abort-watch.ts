/**
 * Watches abort signals with one listener each, however many calls share a signal: Node warns of a leak at
 * the eleventh listener, and a deadline is commonly shared by more calls than that.
 */
export class AbortWatch {
  readonly #watched = new Map<
    AbortSignal,
    { readonly callbacks: Set<() => void>; readonly stop: () => void }
  >();

  /** Calls back once, when the signal is aborted; a signal that was aborted before never does. */
  add(signal: AbortSignal, callback: () => void): void {
    const watched = this.#watched.get(signal) ?? this.#watch(signal);
    watched.callbacks.add(callback);
  }

  /** Takes a callback back; one that was not added is no error. */
  remove(signal: AbortSignal, callback: () => void): void {
    const watched = this.#watched.get(signal);
    if (watched === undefined) return;
    watched.callbacks.delete(callback);
    if (watched.callbacks.size === 0) watched.stop();
  }

  #watch(signal: AbortSignal) {
    const callbacks = new Set<() => void>();
    const stop = () => {
      signal.removeEventListener("abort", onAbort);
      this.#watched.delete(signal);
    };
    const onAbort = () => {
      stop();
      for (const callback of callbacks) callback();
    };
    signal.addEventListener("abort", onAbort);
    const watched = { callbacks, stop };
    this.#watched.set(signal, watched);
    return watched;
  }
}
