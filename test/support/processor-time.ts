/**
 * How often a call is measured at most: the first pays for compiling, and a neighbour of the processor slows
 * any.
 */
const MOST_RUNS = 8;

/**
 * Processor time of a call, in seconds: the least of three. Other processes of a busy machine do not count;
 * what the engine does beside it (collecting garbage) does.
 */
export function processorSecondsOf(run: () => unknown): number {
  return Math.min(measure(run), measure(run), measure(run));
}

/** Fails where a call takes that much processor time, or more, each time that it is made. */
export function expectProcessorSeconds(run: () => unknown, { below }: { readonly below: number }): void {
  let least = Infinity;
  for (let runs = 0; runs < MOST_RUNS && least >= below; runs++) least = Math.min(least, measure(run));
  expect(least).toBeLessThan(below);
}

function measure(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
