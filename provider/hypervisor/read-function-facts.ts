import type { ObservationQuery } from "../apply";
import { anySignal, untilAborted } from "../async/abort";
import { sleep } from "../async/sleep";
import { withTimeLimit } from "../async/time-limit";
import { causeText } from "../errors";
import type { FunctionFacts } from "../host/facts";
import { findOpenToNobody, type Observation } from "../plan";

/** Looks at functions before they are taken; no names stand for all of the host. */
export type ReadFunctionFacts = (names: readonly string[], signal: AbortSignal) => Promise<FunctionFacts>;

/** For a look that an operation can do without: a host may have thousands of processes. */
const LOOK_LIMIT_MS = 8_000;

/** QEMU closes a function's group some 150 ms after the function has left its object tree. */
const CLOSE_MS = 400;

/**
 * What there is to know of functions before they are taken, or why that was not told: it fails nothing. The
 * end of the operation's own signal is told by what else that stops.
 */
export async function readFunctionFacts(
  { addresses }: ObservationQuery,
  read: ReadFunctionFacts,
  signal: AbortSignal,
): Promise<FunctionFacts | { readonly unseen: string }> {
  try {
    return await withTimeLimit(LOOK_LIMIT_MS, (limit) => {
      const end = anySignal(signal, limit);
      return untilAborted(read(addresses, end), end);
    });
  } catch (cause) {
    return { unseen: causeText(cause) };
  }
}

/**
 * The observation, looked at once more where a function is open through VFIO and nobody is known to have it:
 * whoever had it may be about to close it.
 */
export async function withSettledFacts(
  observation: Observation,
  query: ObservationQuery,
  read: ReadFunctionFacts | undefined,
  signal: AbortSignal,
): Promise<Observation> {
  if (read === undefined || findOpenToNobody(observation).length === 0) return observation;
  await sleep(CLOSE_MS, signal);
  const again = await readFunctionFacts(query, read, signal);
  return "unseen" in again ? observation : { ...observation, functionFacts: again };
}
