const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls `end` when this process exits or is asked to; a signal then takes its usual course.
 * Returns the function that takes the promise back. `end` must be synchronous.
 */
export function endWithProcess(end: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    disarm();
    end();
    process.kill(process.pid, signal);
  };
  const disarm = (): void => {
    process.off("exit", end);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  process.once("exit", end);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return disarm;
}
