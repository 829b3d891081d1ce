/** How a promise ended, and how long that took by the clock of the test. */
export interface Outcome<T> {
  readonly value?: T;
  readonly error?: unknown;
  readonly tookMs: number;
}

const STEP_MS = 50;
const LONGEST_MS = 10 * 60 * 1000;

/** Lets the clock of Jest's fake timers run until the promise has ended. */
export async function letTimePass<T>(promise: Promise<T>): Promise<Outcome<T>> {
  const startedAt = Date.now();
  let outcome: Outcome<T> | undefined;
  const ended = promise.then(
    (value) => (outcome = { value, tookMs: Date.now() - startedAt }),
    (error: unknown) => (outcome = { error, tookMs: Date.now() - startedAt }),
  );
  // the first steps cost no time, so that what needs no timer takes none
  await jest.advanceTimersByTimeAsync(0);
  while (outcome === undefined) {
    if (Date.now() - startedAt > LONGEST_MS) throw new Error("nothing happened for ten minutes");
    await jest.advanceTimersByTimeAsync(STEP_MS);
  }
  return ended;
}
