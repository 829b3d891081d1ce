import type { PciAddress } from "../../pci/address";
import type { HostFacts, InterfaceFacts } from "./host-needs";
import type { HostUse } from "./host-use";
import { listSome, partsOf, turnedRound } from "./stack";

/** Most interfaces on top of one that are told, for it carries what they carry: one is enough to keep it. */
const MAX_TOPS = 4;

/**
 * What the host uses network interfaces for. This connection and default routes count through any number
 * of layers; the rest is what is directly on an interface that is up.
 */
export function interfaceUses(facts: HostFacts): HostUse[] {
  const { interfaces } = facts;
  const onPci = interfaces.filter(hasPciAddress);
  const isSpare = new Set(facts.defaultRouteInterfaces).size > 1;
  const uppers = turnedRound(
    interfaces.map((one) => ({ lower: one.lowerInterfaces, use: layerUse(one) })),
    (one) => one.lower,
  );
  return [
    ...carriers(interfaces, facts.sshInterfaces, "carries this SSH connection", true),
    ...carriers(
      interfaces,
      facts.defaultRouteInterfaces,
      "carries the host's default route",
      false,
      isSpare ? "route" : undefined,
    ),
    ...onPci
      .filter((one) => one.isUp)
      .flatMap((one) =>
        ownUses(
          one,
          (uppers.get(one.name) ?? []).map(({ use }) => use),
        ).map(({ use, comesByItself }) => ({
          hostAddress: one.pciAddress as PciAddress,
          use: `has interface ${one.name}, which ${use}`,
          isThisConnection: false,
          ...(comesByItself && { comesByItself }),
        })),
      ),
    ...facts.functionsWithHiddenInterface.map((address) => ({
      hostAddress: address as PciAddress,
      use: "has a network interface that is in another network namespace",
      isThisConnection: false,
    })),
  ];
}

/** The functions under these interfaces, themselves or as a part of a bridge, bond or VLAN. */
function carriers(
  interfaces: readonly InterfaceFacts[],
  tops: readonly string[],
  what: string,
  isThisConnection: boolean,
  comesByItself?: HostUse["comesByItself"],
): HostUse[] {
  const below = partsOf(tops, new Map(interfaces.map((one) => [one.name, one.lowerInterfaces])), MAX_TOPS);
  const byName = turnedRound(interfaces.filter(hasPciAddress), (one) => [one.name]);
  return [...below].flatMap(([top, names]) =>
    [...names]
      .flatMap((name) => byName.get(name) ?? [])
      .map((one) => ({
        hostAddress: one.pciAddress as PciAddress,
        use: `${what} (interface ${one.name}${one.name === top ? "" : `, a part of ${top}`})`,
        isThisConnection,
        // a part of something else has been put there by somebody
        ...(comesByItself !== undefined && one.name === top && { comesByItself }),
      })),
  );
}

/** In words that follow "which". @param upper what it is for those on top of it */
function ownUses(one: InterfaceFacts, upper: readonly string[]): Pick<HostUse, "use" | "comesByItself">[] {
  const addresses = one.addresses.filter((address) => !isLinkLocal(address));
  return [
    ...(addresses.length > 0
      ? [{ use: `is up with address ${listSome(addresses)}`, comesByItself: "address" as const }]
      : []),
    ...(one.routes.length > 0
      ? [{ use: `is up with a route to ${listSome(one.routes)}`, comesByItself: "route" as const }]
      : []),
    ...[...new Set(upper)].map((use) => ({ use })),
  ];
}

/** What an interface is for the one on top of it. */
function layerUse({ name, kind }: InterfaceFacts): string {
  switch (kind) {
    case "bridge":
    case "bond":
    case "team":
      return `is a port of ${kind} ${name}`;
    case "openvswitch":
      return "is a port of Open vSwitch";
    case "vrf":
      return `is in VRF ${name}`;
    case "vlan":
      return `carries VLAN ${name}`;
    case "macvlan":
    case "macvtap":
    case "ipvlan":
    case "ipvtap":
    case "macsec":
      return `carries ${kind} ${name}`;
    case undefined:
      return name === "ovs-system" ? "is a port of Open vSwitch" : `carries interface ${name}`;
    default:
      return TUNNELS.has(kind) ? `carries tunnel ${name} (${kind})` : `carries interface ${name} (${kind})`;
  }
}

const TUNNELS = new Set([
  ...["vxlan", "geneve", "gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan"],
  ...["ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm", "bareudp", "l2tp", "gtp"],
]);

/**
 * The kernel, or a daemon in its place, gives an IPv6 link-local address to every interface that is up: it
 * says nothing about a use. One of IPv4 has to be asked for.
 */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

function hasPciAddress<T extends { readonly pciAddress?: string }>(
  one: T,
): one is T & { readonly pciAddress: string } {
  return one.pciAddress !== undefined;
}
