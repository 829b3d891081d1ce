import { providerError } from "../../errors";
import type { PciAddress } from "../../pci";
import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/** A physical function that would be taken, with the virtual functions of it that somebody needs. */
interface NeededParent {
  readonly hostAddress: PciAddress;
  readonly virtualFunctions: readonly PciAddress[];
  readonly by: string;
}

/**
 * A physical function whose virtual functions somebody needs is never taken, `allowInUse` or not. Its driver
 * removes them when it loses it (Linux pci_disable_sriov): a function of this plan would be gone before it is
 * held; and one that a guest has is waited for, for as long as that guest keeps it, in libvirtd's thread
 * (vfio_unregister_group_dev).
 */
export function checkPhysicalFunctions(context: ChosenSlot): Refusal[] {
  return findNeededParents(context).map((one) => providerError("PHYSICAL_FUNCTION_NEEDED", one));
}

/** The physical functions that are refused for their virtual functions. */
export function findNeededParents({ observation, toTake, needed }: ChosenSlot): NeededParent[] {
  const [taken, isNeeded] = [new Set(toTake), new Set(needed)];
  return observation.hostUses.flatMap(({ hostAddress, virtualFunctions = [] }) => {
    if (virtualFunctions.length === 0 || !taken.has(hostAddress)) return [];
    const own = virtualFunctions.filter((one) => isNeeded.has(one));
    const others = new Set(virtualFunctions.filter((one) => !isNeeded.has(one)));
    const holder = observation.holdings.find((one) => others.has(one.hostAddress));
    return [
      ...(own.length > 0 ? [{ hostAddress, virtualFunctions: own, by: "this attachment" }] : []),
      ...(holder === undefined
        ? []
        : [{ hostAddress, virtualFunctions: [holder.hostAddress], by: `guest ${holder.guest.name}` }]),
    ];
  });
}
