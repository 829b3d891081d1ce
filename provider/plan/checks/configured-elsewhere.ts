import { providerError } from "../../errors";
import { compareAddresses } from "../../pci";
import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * A guest that is shut off may not get what another guest's configuration has: nobody holds that now, and
 * whichever of the two started second would not start. An IOMMU group has one user, so that a member counts
 * as much as the function itself.
 */
export function checkConfiguredElsewhere({ observation, isOff, toHold, members }: ChosenSlot): Refusal[] {
  if (!isOff || toHold.length === 0) return [];
  const { guest, configuredElsewhere = [] } = observation;
  const byGuest = new Map<string, { name: string; functions: string[] }>();
  const inOrder = [...configuredElsewhere].sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress));
  for (const { guest: other, hostAddress, alias } of inOrder) {
    if (!members.has(hostAddress)) continue;
    const found = byGuest.get(other.uuid) ?? { name: other.name, functions: [] };
    found.functions.push(alias === "" ? hostAddress : `${hostAddress} (${alias})`);
    byGuest.set(other.uuid, found);
  }
  return [...byGuest.values()].map(({ name, functions }) =>
    providerError("FUNCTION_CONFIGURED_ELSEWHERE", { functions, guest: guest.name, other: name }),
  );
}
