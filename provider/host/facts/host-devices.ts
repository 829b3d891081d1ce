import type { PciAddress } from "../../pci/address";
import type { HostFacts } from "../uses/host-needs";
import { turnedRound } from "../uses/stack";

/** Lists of a survey by function: it is asked about every function of a host, and must not be searched for each. */
const byFunction = new WeakMap<object, ReadonlyMap<string, readonly { readonly name: string }[]>>();

/** What each function is to the host, used or not: `interface eth2`, `interfaces eth2, eth3 and disk sda`. */
export function findHostDevices(facts: HostFacts): ReadonlyMap<PciAddress, string> {
  const addresses = [...facts.interfaces, ...facts.disks].flatMap((one) => one.pciAddress ?? []);
  return new Map(
    [...new Set(addresses)].map((text) => {
      const hostAddress = text as PciAddress;
      return [hostAddress, listDevices(interfacesOn(facts, hostAddress), disksOn(facts, hostAddress))];
    }),
  );
}

/** `interface eth2`, `interfaces eth2, eth3 and disk sda`; empty where there is none. */
export function listDevices(interfaces: readonly string[], disks: readonly string[]): string {
  const list = (word: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${word}${names.length === 1 ? "" : "s"} ${names.join(", ")}`];
  return [...list("interface", interfaces), ...list("disk", disks)].join(" and ");
}

/** Kernel names of the network interfaces on a function. */
export function interfacesOn({ interfaces }: HostFacts, hostAddress: PciAddress): string[] {
  return listOn(interfaces, hostAddress).map((one) => one.name);
}

/** Kernel names of the disks on a function, without their partitions. */
export function disksOn({ disks }: HostFacts, hostAddress: PciAddress): string[] {
  const own = listOn(disks, hostAddress);
  const names = new Set(own.map((one) => one.name));
  return own.filter((one) => !one.slaves.some((slave) => names.has(slave))).map((one) => one.name);
}

function listOn<T extends { readonly name: string; readonly pciAddress?: string }>(
  all: readonly T[],
  hostAddress: PciAddress,
): readonly T[] {
  const known = byFunction.get(all) as ReadonlyMap<string, readonly T[]> | undefined;
  const index = known ?? turnedRound(all, (one) => (one.pciAddress === undefined ? [] : [one.pciAddress]));
  byFunction.set(all, index);
  return index.get(hostAddress) ?? [];
}
