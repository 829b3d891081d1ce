import { untilAborted } from "../async/abort";
import { withTimeLimit } from "../async/time-limit";
import { providerError } from "../errors";
import type { FunctionFacts } from "../host/facts";
import type { PciAddress } from "../pci";
import { listProcesses } from "../plan";
import type { ReadFunctionFacts } from "./read-function-facts";

/**
 * How long a change is awaited after the end of its operation: undoing must not overtake it, and a driver may
 * never come back.
 */
export const STUCK_GRACE_MS = 10_000;

/** For the look that names the users. */
const LOOK_LIMIT_MS = 3_000;

/** A change of functions that has not returned. */
export interface StuckChange {
  /** The host. */
  readonly target: string;
  readonly functions: readonly PciAddress[];
  /** What was begun last, if the host tells. */
  readonly begun?: string | undefined;
  readonly seconds?: number;
  /** The guest for which libvirt makes the change; undefined without libvirt. */
  readonly libvirtGuest?: string;
}

/** What the host shows of functions now; nothing if it does not answer in a moment. */
export async function lookAtStuck(
  functions: readonly PciAddress[],
  read: ReadFunctionFacts | undefined,
): Promise<FunctionFacts | undefined> {
  if (read === undefined) return undefined;
  const look = (limit: AbortSignal): Promise<FunctionFacts> => untilAborted(read(functions, limit), limit);
  return withTimeLimit(LOOK_LIMIT_MS, look).catch(() => undefined);
}

/** HOST_CHANGE_STUCK, with the drivers of the functions and who has them open, as far as that is known. */
export function stuckChangeError(
  { target, functions, begun, seconds, libvirtGuest }: StuckChange,
  facts: FunctionFacts | undefined,
): Error {
  const known = functions.flatMap((one) => facts?.functions.get(one) ?? []);
  const processes = known.flatMap((one) => [
    ...one.open.flatMap((node) => node.processes),
    ...(one.moduleUse?.processes ?? []),
  ]);
  const users = [...new Map(processes.map((one) => [one.pid, one])).values()];
  return providerError("HOST_CHANGE_STUCK", {
    target,
    functions: functions.map((one) => {
      const driver = facts?.functions.get(one)?.driver;
      return driver === undefined ? one : `${one} (${driver})`;
    }),
    ...(begun !== undefined && { begun }),
    ...(seconds !== undefined && { seconds }),
    ...(users.length > 0 && { users: listProcesses(users) }),
    ...(libvirtGuest !== undefined && { libvirtGuest }),
  });
}
