import type { PciAddress } from "../../pci/address";
import { functionsOf, type HostFacts, type HostInterface } from "../facts";
import type { HostUse, InterfaceLayer } from "./host-use";
import { layersByInterface } from "./interface-layers";
import { uniqueBy } from "./unique-by";

/** What is directly on each interface that is up, or may be: addresses, routes, and what runs on it. */
export function interfaceUses({ interfaces }: HostFacts): HostUse[] {
  const layersOf = layersByInterface(interfaces);
  const up = interfaces.filter((one) => one.isUp !== false);
  return uniqueBy(up, (one) => `${one.hostAddress ?? ""} ${one.name}`).flatMap((one) =>
    functionsOf(one).flatMap((hostAddress) => usesOf(one, hostAddress, layersOf(one.name))),
  );
}

function usesOf(one: HostInterface, hostAddress: PciAddress, layers: readonly InterfaceLayer[]): HostUse[] {
  const { name: device, routes } = one;
  const own = { hostAddress, device, isThisConnection: false };
  const addresses = one.addresses.filter((address) => !isLinkLocal(address));
  return [
    ...(one.isUp === "unread" ? [{ kind: "unread-interface" as const, ...own }] : []),
    ...(addresses.length > 0
      ? [{ kind: "addresses" as const, ...own, addresses, comesByItself: "address" as const }]
      : []),
    ...(routes.length > 0
      ? [{ kind: "routes" as const, ...own, routes, comesByItself: "route" as const }]
      : []),
    ...layers.map((layer) => ({ kind: "interface-layer" as const, ...own, layer })),
  ];
}

/**
 * The kernel, or a daemon in its place, gives an IPv6 link-local address to every interface that is up: it
 * says nothing about a use. An IPv4 link-local address has to be asked for.
 */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}
