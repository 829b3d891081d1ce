/** Where progress goes, one line at a time. */
export type Log = (line: string) => void;

/** After this long a step is announced, and from then on its elapsed time is told at each interval. */
const QUIET_MS = 2_000;
const INTERVAL_MS = 10_000;

/**
 * Runs a step and tells of it if it takes longer than two seconds: that it goes on, every ten
 * seconds, and how long it took.
 */
export async function withProgress<T>(log: Log, what: string, step: () => Promise<T>): Promise<T> {
  const startedMs = Date.now();
  const elapsed = (): string => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
  let repeat: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    log(`${what} …`);
    repeat = setInterval(() => log(`${what}: still at it after ${elapsed()}`), INTERVAL_MS);
  }, QUIET_MS);
  try {
    const result = await step();
    if (Date.now() - startedMs >= QUIET_MS) log(`${what}: done in ${elapsed()}`);
    return result;
  } catch (error) {
    log(`${what}: failed after ${elapsed()}`);
    throw error;
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
  }
}
