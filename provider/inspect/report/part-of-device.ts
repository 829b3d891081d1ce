import { turnedRound, type FunctionFacts, type HostFunction } from "../../host/facts";
import { slotOf, type PciAddress } from "../../pci";
import type { Observation } from "../../plan";

/**
 * What of an observation there is to know of a device: its functions with all members of their IOMMU groups,
 * what the host uses these for, and who has them or their virtual functions; and what there is to know of
 * these and of what else is on their buses. A device is planned for many times, and a host has very many.
 *
 * @returns the part for a device's functions
 */
export function partsByDevice(observation: Observation): (device: readonly PciAddress[]) => Observation {
  const functions = [...observation.functions.values()];
  const byGroup = turnedRound(functions, ({ iommuGroup }) => (iommuGroup === undefined ? [] : [iommuGroup]));
  const usesOf = turnedRound(observation.hostUses, (one) => [one.hostAddress]);
  const holdingsOf = turnedRound(observation.holdings, (one) => [one.hostAddress]);
  const factsOf = factsByBus(observation.functionFacts);
  const membersOf = (hostAddress: PciAddress): readonly HostFunction[] => {
    const own = observation.functions.get(hostAddress);
    if (own === undefined) return [];
    return own.iommuGroup === undefined ? [own] : (byGroup.get(own.iommuGroup) ?? []);
  };
  return (device) => {
    const members = new Map(device.flatMap(membersOf).map((one) => [one.hostAddress, one]));
    const hostUses = [...members.keys()].flatMap((hostAddress) => usesOf.get(hostAddress) ?? []);
    const virtual = hostUses.flatMap((one) => one.virtualFunctions ?? []);
    const holdings = [...new Set([...members.keys(), ...virtual])].flatMap(
      (hostAddress) => holdingsOf.get(hostAddress) ?? [],
    );
    const functionFacts = factsOf([...members.keys()]);
    return {
      ...observation,
      functions: members,
      hostUses,
      holdings,
      ...(functionFacts && { functionFacts }),
    };
  };
}

/** The part of the facts that is about functions on the buses of these. */
function factsByBus(
  facts: FunctionFacts | undefined,
): (members: readonly PciAddress[]) => FunctionFacts | undefined {
  if (facts === undefined) return () => undefined;
  const busOf = (hostAddress: PciAddress): string => slotOf(hostAddress).slice(0, -3);
  const byBus = turnedRound([...facts.functions.values()], (one) => [busOf(one.hostAddress)]);
  return (members) => {
    const onBuses = [...new Set(members.map(busOf))].flatMap((bus) => byBus.get(bus) ?? []);
    return { ...facts, functions: new Map(onBuses.map((one) => [one.hostAddress, one])) };
  };
}
