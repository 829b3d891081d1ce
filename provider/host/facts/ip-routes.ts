import { BlockList, isIP } from "node:net";
import { fieldsOf, isText, listOf, textAs } from "./ip-output";

/** One route, or the way to one address. */
export interface IpRoute {
  readonly type?: string;
  readonly dst?: string;
  readonly protocol?: string;
  /** Of the route itself and of its next hops. */
  readonly devices: readonly string[];
  /** Where its way is an object of its own, of which nothing is known. */
  readonly unknownNexthop?: string;
}

/** Interfaces by the number of the nexthop object that leads to them. */
export type Nexthops = ReadonlyMap<string, readonly string[]>;

/** Members of one group that are followed: the kernel's own limit is far above what a table has. */
const MAX_MEMBERS = 1_024;

/** Route types that lead nowhere (ip-route(8)). */
const DEAD_ENDS = new Set(["unreachable", "blackhole", "prohibit", "throw"]);

/** Also the two halves into which a VPN likes to split it. */
const DEFAULT_DESTINATIONS = new Set(["default", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]);

/**
 * Reads `ip nexthop show`. Where the kernel shows no more than its number in a route
 * (`net.ipv4.nexthop_compat_mode=0`), the interface stands there alone. A group has members that are no
 * groups.
 */
export function readNexthops(elements: readonly unknown[]): Nexthops {
  const objects = new Map(elements.map((one) => [String(fieldsOf(one)["id"]), fieldsOf(one)]));
  const deviceOf = (id: string): readonly string[] => [objects.get(id)?.["dev"]].filter(isText);
  return new Map(
    [...objects].map(([id, fields]) => {
      const members = listOf(fields["group"]).slice(0, MAX_MEMBERS);
      const devices = members.flatMap((one) => deviceOf(String(fieldsOf(one)["id"])));
      return [id, [...new Set([...deviceOf(id), ...devices])]];
    }),
  );
}

/** Takes of what `ip` printed only what has the type that it has everywhere. */
export function readRoute(value: unknown, nexthops: Nexthops): IpRoute {
  const fields = fieldsOf(value);
  const hops = listOf(fields["nexthops"]).map((hop) => fieldsOf(hop)["dev"]);
  const told = [fields["dev"], ...hops].filter(isText);
  const id = fields["nhid"] === undefined ? undefined : String(fields["nhid"]).slice(0, 20);
  const ofObject = told.length > 0 || id === undefined ? undefined : nexthops.get(id);
  const devices = ofObject ?? told;
  return {
    ...textAs("type", fields["type"]),
    ...textAs("dst", fields["dst"]),
    ...textAs("protocol", fields["protocol"]),
    devices,
    ...(devices.length === 0 && id !== undefined && !isBlackhole(nexthops, id) && { unknownNexthop: id }),
  };
}

/** An object that is known, and leads to no interface, drops what it is given. */
function isBlackhole(nexthops: Nexthops, id: string): boolean {
  return nexthops.has(id);
}

/** Whether it leads anywhere. */
export function isAlive({ type }: IpRoute): boolean {
  return type === undefined || !DEAD_ENDS.has(type);
}

export function isDefault({ dst }: IpRoute): boolean {
  return dst !== undefined && DEFAULT_DESTINATIONS.has(dst);
}

/**
 * What follows from an address or from being up: the address's own network, local and broadcast routes,
 * and IPv6 multicast, which kernels before 5.11 did not mark as their own.
 */
export function isAutomatic({ type = "unicast", dst, protocol }: IpRoute): boolean {
  return type !== "unicast" || protocol === "kernel" || dst === "ff00::/8";
}

export function interfacesOf(routes: readonly IpRoute[]): readonly string[] {
  return [...new Set(routes.flatMap(({ devices }) => devices))];
}

/** Interface → destinations. */
export function routesByInterface(routes: readonly IpRoute[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const route of routes)
    for (const name of interfacesOf([route])) {
      const destinations = found.get(name) ?? new Set<string>();
      found.set(name, destinations.add(route.dst ?? "somewhere"));
    }
  return new Map([...found].map(([name, destinations]) => [name, [...destinations]]));
}

/** Addresses whose ways are looked for: each is held against all routes. */
const MOST_WAYS = 16;

/**
 * The interfaces by which packets to an address leave, by the longest destination that has it, in whichever
 * table. Without one it is a default route.
 */
export function waysTo(routes: readonly IpRoute[]): (address: string) => readonly string[] {
  let asked = 0;
  return (address) => {
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (isIP(address) === 0 || ++asked > MOST_WAYS) return [];
    let [best, found]: [number, IpRoute[]] = [-1, routes.filter(isDefault)];
    for (const route of routes) {
      const length = matchedLength(route, address, family);
      if (length > best) [best, found] = [length, [route]];
      else if (length === best && length >= 0) found.push(route);
    }
    return interfacesOf(found);
  };
}

/** The length of a destination's prefix; -1 if the address is not in it. */
function matchedLength({ dst = "", type = "unicast" }: IpRoute, address: string, family: "ipv4" | "ipv6"): number {
  const [network = "", prefix] = dst.split("/");
  if (type !== "unicast" || isIP(network) !== (family === "ipv6" ? 6 : 4)) return -1;
  const bits = family === "ipv6" ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (!Number.isInteger(length) || length < 1 || length > bits) return -1;
  const list = new BlockList();
  list.addSubnet(network, length, family);
  return list.check(address, family) ? length : -1;
}
