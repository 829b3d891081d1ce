import { turnedRound, type HostFunction, type PciAddress } from "../pci";
import type { Observation } from "../plan";

/**
 * What of an observation there is to know of a device: its functions with all members of their IOMMU groups, what the host
 * uses these for, and who has them or their virtual functions. A device is planned for many times, and a host has very many.
 *
 * @returns the part for a device's functions
 */
export function partsByDevice(observation: Observation): (device: readonly PciAddress[]) => Observation {
  const functions = [...observation.functions.values()];
  const byGroup = turnedRound(functions, ({ iommuGroup }) => (iommuGroup === undefined ? [] : [iommuGroup]));
  const usesOf = turnedRound(observation.hostUses, (one) => [one.address]);
  const holdingsOf = turnedRound(observation.holdings, (one) => [one.address]);
  const membersOf = (address: PciAddress): readonly HostFunction[] => {
    const own = observation.functions.get(address);
    if (own === undefined) return [];
    return own.iommuGroup === undefined ? [own] : (byGroup.get(own.iommuGroup) ?? []);
  };
  return (device) => {
    const members = new Map(device.flatMap(membersOf).map((one) => [one.address, one]));
    const hostUses = [...members.keys()].flatMap((address) => usesOf.get(address) ?? []);
    const virtual = hostUses.flatMap((one) => one.virtualFunctions ?? []);
    const holdings = [...new Set([...members.keys(), ...virtual])].flatMap(
      (address) => holdingsOf.get(address) ?? [],
    );
    return { ...observation, functions: members, hostUses, holdings };
  };
}
