import type { PciAddress } from "../../pci/address";
import { functionsOf, type OnPath } from "./functions-on-path";
import type { HostFacts } from "./host-facts";
import { turnedRound } from "./turned-round";

/** What a function is to the host, used or not. Kernel names. */
export interface HostDevices {
  readonly interfaces: readonly string[];
  /** Without their partitions. */
  readonly disks: readonly string[];
}

/** Lists of facts by function: each is searched for every function of a host. */
const byFunction = new WeakMap<object, ReadonlyMap<string, readonly { readonly name: string }[]>>();

/** What each function is to the host, if it is an interface or a disk. */
export function findHostDevices(facts: HostFacts): ReadonlyMap<PciAddress, HostDevices> {
  const addresses = [...facts.interfaces, ...facts.disks].flatMap(functionsOf);
  return new Map(
    [...new Set(addresses)].map((hostAddress) => [
      hostAddress,
      { interfaces: interfacesOn(facts, hostAddress), disks: disksOn(facts, hostAddress) },
    ]),
  );
}

/** Kernel names of the network interfaces on a function, or behind it. */
export function interfacesOn({ interfaces }: HostFacts, hostAddress: PciAddress): string[] {
  return listOn(interfaces, hostAddress).map((one) => one.name);
}

/** Kernel names of the disks on a function, or behind it, without their partitions. */
export function disksOn({ disks }: HostFacts, hostAddress: PciAddress): string[] {
  const own = listOn(disks, hostAddress);
  const names = new Set(own.map((one) => one.name));
  return own.filter((one) => !one.slaves.some((slave) => names.has(slave))).map((one) => one.name);
}

function listOn<T extends OnPath & { readonly name: string }>(
  all: readonly T[],
  hostAddress: PciAddress,
): readonly T[] {
  const known = byFunction.get(all) as ReadonlyMap<string, readonly T[]> | undefined;
  const index = known ?? turnedRound(all, functionsOf);
  byFunction.set(all, index);
  return index.get(hostAddress) ?? [];
}
