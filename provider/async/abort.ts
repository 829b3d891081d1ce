/** Who is to be called when a signal is aborted. */
interface Watch {
  readonly callbacks: Set<() => void>;
  readonly stop: () => void;
}

/** The signals that somebody waits for. */
const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Calls back once, when the signal is aborted; at once if it is aborted already.
 *
 * A signal gets one listener, however many wait for it. Node warns of a leak at the eleventh listener, and
 * many calls share the deadline of their operation.
 *
 * @returns takes the callback back; calling it again does nothing
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const watch = watches.get(signal) ?? watchAnew(signal);
  // of its own, so that the same function may be given twice
  const own = (): void => callback();
  watch.callbacks.add(own);
  return () => {
    if (watch.callbacks.delete(own) && watch.callbacks.size === 0) watch.stop();
  };
}

function watchAnew(signal: AbortSignal): Watch {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    stop();
    for (const callback of callbacks) callback();
  };
  const stop = (): void => {
    signal.removeEventListener("abort", listener);
    watches.delete(signal);
  };
  const watch = { callbacks, stop };
  watches.set(signal, watch);
  signal.addEventListener("abort", listener);
  return watch;
}

/**
 * Waits for a promise, but no longer than until the signal. The work behind the promise goes on; whoever
 * started it ends it.
 *
 * @throws the signal's reason
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(abortReason(signal)));
    void promise.then(resolve, reject).finally(stop);
  });
}

/** Aborted with the first of these. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** The reason of an aborted signal: the very object, so that whoever aborted knows it again. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason as Error;
}
