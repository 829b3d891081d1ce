import { providerError } from "../../errors";
import { turnedRound } from "../../host/facts";
import type { HostUse } from "../../host/uses";
import type { ChosenSlot } from "../chosen-slot";
import { listUses } from "../describe-host-use";
import { findNeededParents } from "./physical-functions";
import type { Refusal } from "./refusal";

/**
 * What the host uses is taken only if that is allowed; what carries this SSH connection never. Of a function
 * that another guest has, the host has no use that counts; virtual functions that somebody needs are told of
 * by checks/physical-functions.ts, and what a driver waits for by checks/blocked-unbind.ts.
 */
export function checkUsedByHost(context: ChosenSlot): Refusal[] {
  const { observation, toTake, heldByOthers } = context;
  const usesOf = turnedRound(refusedUses(context), (one) => [one.hostAddress]);
  const refused = toTake
    .filter((hostAddress) => !heldByOthers.has(hostAddress))
    .map((hostAddress) => ({ hostAddress, uses: usesOf.get(hostAddress) ?? [] }))
    .filter(({ uses }) => uses.length > 0);
  if (refused.length === 0) return [];
  return [
    providerError("FUNCTION_USED_BY_HOST", {
      uses: refused.map(({ hostAddress, uses }) => {
        const driver = observation.functions.get(hostAddress)?.driver ?? "no driver";
        return `${hostAddress} (${driver}) ${listUses(uses)}`;
      }),
      canOverride: refused.every(({ uses }) => uses.every((one) => !one.isThisConnection)),
    }),
  ];
}

function refusedUses(context: ChosenSlot): HostUse[] {
  const { observation, desired, isOff } = context;
  const neededParents = new Set(findNeededParents(context).map((one) => one.hostAddress));
  return observation.hostUses.filter(
    (one) =>
      (!desired.allowInUse || one.isThisConnection) &&
      (isOff || one.blocksUnbind !== true) &&
      !(one.virtualFunctions !== undefined && neededParents.has(one.hostAddress)),
  );
}
