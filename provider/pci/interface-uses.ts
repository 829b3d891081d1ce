import type { PciAddress } from "./address";
import type { HostSurvey, SurveyedInterface } from "./host-survey";
import type { HostUse } from "./host-use";
import { closure, listSome } from "./stack";

/**
 * What the host uses network interfaces for. This connection and default routes count through any number
 * of layers; the rest is what is directly on an interface that is up.
 */
export function interfaceUses(survey: HostSurvey): HostUse[] {
  const { interfaces } = survey;
  const onPci = interfaces.filter(hasPciAddress);
  const isSpare = new Set(survey.defaultRouteInterfaces).size > 1;
  return [
    ...survey.sshInterfaces.flatMap((top) => carriers(interfaces, top, "carries this SSH connection", true)),
    ...survey.defaultRouteInterfaces.flatMap((top) =>
      carriers(interfaces, top, "carries the host's default route", false, isSpare ? "route" : undefined),
    ),
    ...onPci
      .filter((one) => one.isUp)
      .flatMap((one) =>
        ownUses(one, interfaces).map(({ use, comesByItself }) => ({
          address: one.pciAddress as PciAddress,
          use: `has interface ${one.name}, which ${use}`,
          isThisConnection: false,
          ...(comesByItself && { comesByItself }),
        })),
      ),
    ...survey.functionsWithHiddenInterface.map((address) => ({
      address: address as PciAddress,
      use: "has a network interface that is in another network namespace",
      isThisConnection: false,
    })),
  ];
}

/** The functions under an interface, itself or as a part of a bridge, bond or VLAN. */
function carriers(
  interfaces: readonly SurveyedInterface[],
  top: string,
  what: string,
  isThisConnection: boolean,
  comesByItself?: HostUse["comesByItself"],
): HostUse[] {
  const names = closure(top, new Map(interfaces.map((one) => [one.name, one.lowerInterfaces])));
  return interfaces
    .filter(hasPciAddress)
    .filter((one) => names.has(one.name))
    .map((one) => ({
      address: one.pciAddress as PciAddress,
      use: `${what} (interface ${one.name}${one.name === top ? "" : `, a part of ${top}`})`,
      isThisConnection,
      // a part of something else has been put there by somebody
      ...(comesByItself !== undefined && one.name === top && { comesByItself }),
    }));
}

/** In words that follow "which". */
function ownUses(
  one: SurveyedInterface,
  all: readonly SurveyedInterface[],
): Pick<HostUse, "use" | "comesByItself">[] {
  const addresses = one.addresses.filter((address) => !isLinkLocal(address));
  const upper = all.filter((other) => other.lowerInterfaces.includes(one.name)).map(layerUse);
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
function layerUse({ name, kind }: SurveyedInterface): string {
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
