import type { FunctionMapping, GuestSlot } from "../pci";
import type { Observation, OwnedResources } from "./observation";

/**
 * The one function that goes the ordinary way: libvirt takes it, plugs it and owns its slot. Undefined where
 * there are several, and where one is plugged as part of a change: that holds the new one before the old one
 * goes, so that what cannot be held costs the guest nothing, and what is held already need not come back to
 * the host in between. Of an older libvirt, which alone can have QEMU open a group, it is the only way.
 *
 * Not on pseries, where libvirt's own way was tried with emulated devices alone: a plug into a taken place
 * may end QEMU there.
 */
export function findSingle(
  observation: Observation,
  owned: OwnedResources,
  map: readonly FunctionMapping[],
  slot: GuestSlot,
): FunctionMapping | undefined {
  const [only, ...others] = map;
  if (only === undefined || others.length > 0 || observation.plugsSingles !== true) return undefined;
  const isFresh = owned.plugged.length === 0 && !owned.held.includes(only.hostAddress);
  const isOnlyWay = observation.olderLibvirt !== undefined;
  return (isFresh || isOnlyWay) && slot.kind !== "pseries" ? only : undefined;
}
