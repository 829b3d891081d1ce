import { setTimer } from "./clock";

/**
 * Runs the body with a signal of its own that is aborted when the time is over. The limit never keeps the
 * process alive, and nothing is left of it when the body has ended.
 *
 * @param ms Infinity for no limit
 * @param reason what the signal is aborted with; default: a `TimeoutError`, as of `AbortSignal.timeout`
 */
export async function withTimeLimit<T>(
  ms: number,
  body: (signal: AbortSignal) => Promise<T>,
  reason: () => Error = timeoutError,
): Promise<T> {
  const over = new AbortController();
  const timeUp = (): void => over.abort(reason());
  const timer = ms === Infinity ? undefined : setTimer(timeUp, ms, { isBackground: true });
  try {
    return await body(over.signal);
  } finally {
    timer?.cancel();
  }
}

/**
 * Waits until the promise has settled, whichever way, but no longer than so many milliseconds. Never rejects.
 */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimer(resolve, ms);
    const settle = (): void => {
      timer.cancel();
      resolve();
    };
    promise.then(settle, settle);
  });
}

function timeoutError(): Error {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}
