/**
 * Processor time of a call, in seconds. Other processes of a busy machine do not count; what the engine does beside it
 * (collecting garbage) does. The least of three, for the first of them pays for compiling.
 */
export function processorSecondsOf(run: () => unknown): number {
  const one = (): number => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  return Math.min(one(), one(), one());
}
