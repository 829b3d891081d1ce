import { providerError } from "../../errors";
import { turnedRound } from "../../host/facts";
import type { ChosenSlot } from "../chosen-slot";
import { listUses } from "../describe-host-use";
import type { Refusal } from "./refusal";

/**
 * A driver that waits for its users without end is not asked to let go, `allowInUse` or not: the wait can be
 * ended by nobody, and libvirtd's thread with it. For a guest that is shut off nothing is taken now; what
 * the host uses then is a use like any other.
 */
export function checkBlockedUnbind(context: ChosenSlot): Refusal[] {
  if (context.isOff) return [];
  const { observation, toTake, heldByOthers } = context;
  const taken = new Set(toTake.filter((hostAddress) => !heldByOthers.has(hostAddress)));
  const blocking = observation.hostUses.filter((one) => one.blocksUnbind && taken.has(one.hostAddress));
  const usesOf = turnedRound(blocking, (one) => [one.hostAddress]);
  return [...usesOf].map(([hostAddress, uses]) => {
    const driver = observation.functions.get(hostAddress)?.driver ?? "its driver";
    return providerError("FUNCTION_DRIVER_IN_USE", { hostAddress, driver, uses: listUses(uses) });
  });
}
