import { providerError } from "../../errors";
import type { PciAddress } from "../../pci";
import type { Observation } from "../observation";

/**
 * A physical function whose virtual functions somebody needs is never taken, `allowInUse` or not. Its driver removes them
 * when it loses it (Linux pci_disable_sriov): a function of this plan would be gone before it is held; and one that a
 * guest has is waited for, for as long as that guest keeps it, in libvirtd's thread (vfio_unregister_group_dev).
 */
export function refuseParentsOfVirtualFunctions(
  observation: Observation,
  toTake: readonly PciAddress[],
  needed: readonly PciAddress[],
): void {
  for (const { hostAddress, virtualFunctions } of observation.hostUses) {
    if (virtualFunctions === undefined || !toTake.includes(hostAddress)) continue;
    const own = virtualFunctions.filter((one) => needed.includes(one));
    if (own.length > 0)
      throw providerError("PHYSICAL_FUNCTION_NEEDED", {
        hostAddress: hostAddress,
        virtualFunctions: own,
        by: "this attachment",
      });
    const virtual = new Set(virtualFunctions);
    const holder = observation.holdings.find((one) => virtual.has(one.hostAddress));
    if (holder !== undefined)
      throw providerError("PHYSICAL_FUNCTION_NEEDED", {
        hostAddress: hostAddress,
        virtualFunctions: [holder.hostAddress],
        by: `guest ${holder.guest.name}`,
      });
  }
}
