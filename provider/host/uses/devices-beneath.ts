import type { PciAddress } from "../../pci/address";
import type { BeneathDevice, BeneathKind, HostFacts } from "../facts";
import type { BeneathUseReason, HostUse } from "./host-use";

/** Most uses of one function by devices of one kind: one is enough to keep it. */
const MAX_USES = 8;

/**
 * The uses by devices of one kind, of every function that they hang below.
 *
 * @param reasonOf why such a device is in use; undefined if it is not
 */
export function usesByDevices(
  { beneath }: Pick<HostFacts, "beneath">,
  kind: BeneathKind,
  reasonOf: (device: BeneathDevice) => BeneathUseReason | undefined,
): HostUse[] {
  const counts = new Map<PciAddress, number>();
  return beneath.flatMap((device): HostUse[] => {
    const reason = device.kind === kind ? reasonOf(device) : undefined;
    if (reason === undefined) return [];
    return device.hostAddresses.flatMap((hostAddress) => {
      const count = counts.get(hostAddress) ?? 0;
      counts.set(hostAddress, count + 1);
      return count < MAX_USES ? [{ ...reason, hostAddress, isThisConnection: false }] : [];
    });
  });
}
