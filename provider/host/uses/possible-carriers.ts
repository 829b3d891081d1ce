import type { PciAddress } from "../../pci/address";
import { functionsOf, type Beneath, type HostFacts, type HostInterface } from "../facts";
import { findBelow, findCarriers } from "./carriers";
import type { CarriedThing, HostUse } from "./host-use";
import { isLinkLocal } from "./interface-uses";
import { uniqueBy } from "./unique-by";

/** Something that an interface carries beneath which no function is found. */
export interface UnknownCarrier {
  readonly carries: CarriedThing;
  /** Absent where it is not known over which interface this connection comes. */
  readonly via?: string;
  /** Which interfaces may be beneath: all that are up, or those with an address or a route. */
  readonly among: "up" | "addresses";
}

/** Most of them that are told: one is enough to keep a function. */
const MAX_CARRIERS = 4;

/**
 * What may be carried by any function, because what carries it is not known: the host's interfaces that are
 * up may have it, or where it is sent to an address, those with an address or a route.
 */
export function possibleCarrierUses(facts: HostFacts): HostUse[] {
  const unknown = findUnknownCarriers(facts).slice(0, MAX_CARRIERS);
  if (unknown.length === 0 && !facts.unread.some(({ part }) => part === "routes")) return [];
  const up = uniqueBy(facts.interfaces.filter(isCandidate), (one) => `${one.hostAddress} ${one.name}`);
  const routed = new Set<PciAddress>(
    unknown.some(({ among }) => among === "addresses") ? functionsWithAddress(facts) : [],
  );
  return onEach(up).flatMap(({ hostAddress, device }): HostUse[] => {
    const own = { hostAddress, device, isThisConnection: false };
    return [
      ...unknown
        .filter(({ among }) => among === "up" || routed.has(hostAddress))
        .map(({ carries, via }) => ({
          ...{ kind: "possible-carrier" as const, ...own, carries },
          ...(via !== undefined && { via }),
        })),
      ...(facts.unread.some(({ part }) => part === "routes")
        ? [{ kind: "unread-routes" as const, ...own }]
        : []),
    ];
  });
}

/** The carriers of this connection, and of default routes, below which no function is found. */
export function findUnknownCarriers(facts: HostFacts): UnknownCarrier[] {
  const { interfaces, sshInterfaces, defaultRouteInterfaces } = facts;
  const isUnknown = facts.unread.some(({ part }) => part === "connection");
  return [
    ...(isUnknown ? [{ carries: "this-connection" as const, among: "up" as const }] : []),
    ...unknownAmong(interfaces, sshInterfaces, "this-connection"),
    ...unknownAmong(interfaces, defaultRouteInterfaces, "default-route"),
  ];
}

function unknownAmong(
  interfaces: readonly HostInterface[],
  tops: readonly string[],
  carries: CarriedThing,
): UnknownCarrier[] {
  const carried = new Set(findCarriers(interfaces, tops).map(({ via, device }) => via ?? device));
  const byName = new Map(interfaces.map((one) => [one.name, one]));
  return [...findBelow(interfaces, tops)].flatMap(([via, below]): UnknownCarrier[] => {
    if (carried.has(via)) return [];
    const ends = [...below].map((name) => byName.get(name));
    const kinds = new Set(ends.map((one) => (one === undefined ? "unknown" : beneathOf(one))));
    if (kinds.has("unknown")) return [{ carries, via, among: "up" }];
    return kinds.has("addresses") ? [{ carries, via, among: "addresses" }] : [];
  });
}

/** What has something beneath is told by that. */
function beneathOf(one: HostInterface): Beneath {
  const { lowerInterfaces, reaches = [], beneath = "unknown" } = one;
  return lowerInterfaces.length + reaches.length > 0 ? "nothing" : beneath;
}

function isCandidate(one: HostInterface): boolean {
  return one.hostAddress !== undefined && one.isUp !== false;
}

/** Each interface with each function that it is gone with. */
function onEach(interfaces: readonly HostInterface[]): { hostAddress: PciAddress; device: string }[] {
  return interfaces.flatMap((one) =>
    functionsOf(one).map((hostAddress) => ({ hostAddress, device: one.name })),
  );
}

/** The functions below interfaces that have an address or a route. */
function functionsWithAddress({ interfaces, defaultRouteInterfaces }: HostFacts): PciAddress[] {
  const tops = interfaces
    .filter(({ addresses, routes }) => routes.length > 0 || addresses.some((one) => !isLinkLocal(one)))
    .map(({ name }) => name);
  return findCarriers(interfaces, [...tops, ...defaultRouteInterfaces]).map(({ hostAddress }) => hostAddress);
}
