import { providerError } from "../../errors";
import type { PciAddress } from "../../pci";
import { findTagOfQemuId } from "../identifiers";
import type { Holding, Observation, OwnedResources } from "../observation";
import type { Refusal } from "./refusal";

/**
 * A function of ours that QEMU has under an id that is not: someone has plugged it by hand. It is theirs to
 * unplug; it cannot be plugged a second time, and a release would block libvirtd.
 * One that libvirt has for somebody else is told of by checks/held-by-guest.ts.
 */
export function checkPluggedOtherwise(context: {
  readonly observation: Observation;
  readonly owned: OwnedResources;
  readonly ownAddresses: readonly PciAddress[];
  readonly heldByOthers?: ReadonlyMap<PciAddress, Holding>;
}): Refusal[] {
  const { observation, owned, ownAddresses, heldByOthers } = context;
  const others = observation.plugged.filter(
    ({ hostAddress, qemuId }) =>
      ownAddresses.includes(hostAddress) &&
      findTagOfQemuId(qemuId) !== owned.tag &&
      heldByOthers?.has(hostAddress) !== true,
  );
  if (others.length === 0) return [];
  return [
    providerError("FUNCTION_PLUGGED_OTHERWISE", {
      guest: observation.guest.name,
      functions: others.map((one) => `${one.hostAddress} (${one.qemuId} in ${one.bus} slot ${one.slot})`),
    }),
  ];
}
