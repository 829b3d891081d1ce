import { sleep } from "../async/sleep";
import { engineGone, findEngineAddress } from "./engine-watch";
import type { RunningOperations } from "../operations/running-operations";

/** The engine kills the process 5 s after its SIGINT (docs/internals/pulumi.md). */
const INTERRUPT_LIMIT_MS = 4000;
/** For the answer of an operation that has just ended to leave the process. */
const ANSWER_MS = 500;

/**
 * Ends this process when its engine is gone, and in good order when it is told to: what has begun to touch a
 * host finishes, what still waits is given up (docs/internals/decisions/0011-orphaned-provider.md). The
 * engine itself sends SIGINT at the end of every command, and to end everything at once.
 *
 * Does nothing in a process that is not the one that Pulumi starts for dynamic providers.
 */
export function endWithEngine(running: RunningOperations): void {
  const engine = findEngineAddress(process.argv);
  if (engine === undefined) return;
  const end = async (reason: string, exitCode: number, limitMs?: number): Promise<void> => {
    if (!running.isIdle) {
      await running.end(reason, limitMs);
      await sleep(ANSWER_MS);
    }
    // its connections end with it, and on the host the locks with them
    process.exit(exitCode);
  };
  void engineGone(engine).then(() => end("the pulumi that started it is gone", 0));
  // once: a second signal ends it at once
  process.once("SIGINT", () => void end("it was interrupted", 130, INTERRUPT_LIMIT_MS));
  process.once("SIGTERM", () => void end("it received SIGTERM", 143));
}
