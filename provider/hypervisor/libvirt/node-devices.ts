import type { HostFunction } from "../../host/facts";
import { LibvirtErrorCode, undefinedOnError, type LibvirtClient } from "../../libvirt-rpc";
import {
  findPciAddress,
  findPciSlotAddress,
  FUNCTIONS_PER_SLOT,
  pciAddressOf,
  type PciAddress,
  type PciSlotAddress,
} from "../../pci";
import { nodeDeviceName, parseNodeDeviceXml, type NodeDeviceDescription } from "./xml/node-device-xml";

/** Host functions as libvirt describes them, by their addresses. */
export type DescribedFunctions = ReadonlyMap<PciAddress, NodeDeviceDescription>;

/**
 * Functions at these addresses; a slot (`DDDD:BB:DD`) stands for all it has. Its eight possible
 * functions are asked for by name: a list of all devices of a large host takes longer.
 */
export function describeNamed(
  client: LibvirtClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<DescribedFunctions> {
  const addresses = names.flatMap((name) => {
    const slot = findPciSlotAddress(name);
    return slot === undefined ? (findPciAddress(name) ?? []) : functionsOf(slot);
  });
  return describeAll(client, [...new Set(addresses)], signal);
}

function functionsOf(slot: PciSlotAddress): PciAddress[] {
  return Array.from({ length: FUNCTIONS_PER_SLOT }, (_, n) => pciAddressOf(slot, n));
}

/** Described functions and further ones, with every member of their IOMMU groups. */
export async function withGroups(
  client: LibvirtClient,
  { named, further }: { readonly named: DescribedFunctions; readonly further: readonly PciAddress[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<PciAddress, HostFunction>> {
  const found = new Map(named);
  const describeMissing = async (addresses: readonly PciAddress[]): Promise<void> => {
    const missing = [...new Set(addresses)].filter((hostAddress) => !found.has(hostAddress));
    for (const [hostAddress, one] of await describeAll(client, missing, signal)) found.set(hostAddress, one);
  };
  await describeMissing(further);
  await describeMissing([...found.values()].flatMap((one) => one.groupMembers));
  return new Map([...found].map(([hostAddress, one]) => [hostAddress, one.function]));
}

/** The functions at these addresses; those that the host does not have are left out. */
export async function describeAll(
  client: LibvirtClient,
  addresses: readonly PciAddress[],
  signal: AbortSignal,
): Promise<DescribedFunctions> {
  const all = await Promise.all(
    addresses.map((hostAddress) => describeFunction(client, hostAddress, signal)),
  );
  return new Map(all.flatMap((one) => (one === undefined ? [] : [[one.function.hostAddress, one] as const])));
}

function describeFunction(
  client: LibvirtClient,
  hostAddress: PciAddress,
  signal: AbortSignal,
): Promise<NodeDeviceDescription | undefined> {
  return undefinedOnError(LibvirtErrorCode.NO_NODE_DEVICE, async () =>
    parseNodeDeviceXml(await client.nodeDeviceXml(nodeDeviceName(hostAddress), signal), hostAddress),
  );
}
