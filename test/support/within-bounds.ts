import { readFileSync } from "node:fs";

/** What a machine that is busy with the lab does to the other side, where that is a process of its own. */
const BUSY_MACHINE = 4;

/**
 * What a hostile peer may cost at most. Generous, because a machine may be busy: hangs and floods are far
 * beyond.
 */
export interface Bounds {
  /** On a machine that does nothing else. */
  readonly seconds: number;
  /** How much more memory may be in use, at any look, than before. */
  readonly mebibytes: number;
}

/**
 * Runs what meets a hostile peer, and fails where it takes longer or more memory than it may. Memory is
 * looked at every 10 ms and at the end. A rejection that nobody handles fails the test by Jest's own doing.
 */
export async function withinBounds<T>(bounds: Bounds, run: () => T | Promise<T>): Promise<T> {
  const before = memoryInUse();
  let most = before;
  const look = (): void => void (most = Math.max(most, memoryInUse()));
  const timer = setInterval(look, 10);
  const startedAt = secondsServed();
  try {
    const result = await run();
    look();
    // rejections are reported when the queue of promises has run dry
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(secondsServed() - startedAt).toBeLessThan(bounds.seconds * BUSY_MACHINE);
    expect((most - before) / 2 ** 20).toBeLessThan(bounds.mebibytes);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** The value that a promise rejects with; fails where it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol("nothing was thrown");
  const outcome: unknown = await promise.then(
    () => nothing,
    (error: unknown) => error,
  );
  expect(outcome).not.toBe(nothing);
  return outcome;
}

/**
 * Time as it goes by here while a processor is to be had. Tests of this kind give way to the lab's, which run
 * beside them: what they wait for a processor says nothing of the code (second number of schedstat:
 * nanoseconds on the run queue).
 */
function secondsServed(): number {
  const [, waitedNs] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
  return performance.now() / 1e3 - Number(waitedNs) / 1e9;
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
