import { providerError } from "../../errors";
import { isVolumeManagement } from "../../host/facts";
import { isAddressable } from "../../pci";
import type { TouchedGroups } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * Intel VMD is never held for the sake of a group: all disks behind it would be gone, and what is wanted may
 * be one of them. Nor can be held what is behind it, in a domain that QEMU does not take.
 */
export function checkLeftoverBuses({ leftovers, members }: TouchedGroups): Refusal[] {
  const told = leftovers.filter(({ hostAddress }) => {
    const one = members.get(hostAddress);
    return !isAddressable(hostAddress) || (one !== undefined && isVolumeManagement(one));
  });
  if (told.length === 0) return [];
  const names = told.map((one) => `${one.hostAddress} (${one.driver})`);
  return [providerError("LEFTOVER_NOT_HELD", { leftovers: names })];
}
