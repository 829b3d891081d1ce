import { isIP } from "node:net";
import { fieldsOf, isText, listOf, textAs, type IpList } from "./ip-output";

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

/** Members of one group that are followed: routers have up to 128 ways to one place. */
const MAX_MEMBERS = 256;

/** Pairs of a route and one of its interfaces. */
const MAX_PAIRS = 100_000;

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

/** All of these lists. @throws Error where they lead to more than any host has */
export function readRoutes(lists: readonly IpList[], nexthops: Nexthops): IpRoute[] {
  let pairs = 0;
  return lists.flatMap(({ elements }) =>
    elements.map((one) => {
      const route = readRoute(one, nexthops);
      pairs += route.devices.length;
      if (pairs > MAX_PAIRS) throw new Error(`"ip" shows routes over too many interfaces`);
      return route;
    }),
  );
}

/** Takes of what `ip` printed only what has the type that it has everywhere. */
function readRoute(value: unknown, nexthops: Nexthops): IpRoute {
  const fields = fieldsOf(value);
  const hops = listOf(fields["nexthops"]).map((hop) => fieldsOf(hop)["dev"]);
  const told = [fields["dev"], ...hops].filter(isText);
  const id = typeof fields["nhid"] === "number" ? String(fields["nhid"]) : undefined;
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

/** A route's destination as a number, without the bits that do not count. */
interface Network {
  readonly route: IpRoute;
  readonly family: number;
  readonly length: number;
  readonly shift: bigint;
  readonly prefix: bigint;
}

/**
 * The interfaces by which packets to an address leave, by the longest destination that has it, in whichever
 * table. Without one it is a default route.
 */
export function waysTo(routes: readonly IpRoute[]): (address: string) => readonly string[] {
  let asked = 0;
  let networks: readonly Network[] | undefined;
  return (address) => {
    const family = isIP(address);
    if (family === 0 || ++asked > MOST_WAYS) return [];
    networks ??= routes.flatMap(networkOf);
    const number = numberOf(address);
    let [best, found]: [number, IpRoute[]] = [-1, []];
    for (const one of networks)
      if (one.family === family && one.length >= best && number >> one.shift === one.prefix) {
        if (one.length > best) [best, found] = [one.length, []];
        found.push(one.route);
      }
    return interfacesOf(best < 0 ? routes.filter(isDefault) : found);
  };
}

function networkOf(route: IpRoute): Network[] {
  const { dst = "", type = "unicast" } = route;
  const [network = "", prefix] = dst.split("/");
  const family = isIP(network);
  const bits = family === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (type !== "unicast" || family === 0 || !(length >= 1 && length <= bits) || length % 1 !== 0) return [];
  const shift = BigInt(bits - length);
  return [{ route, family, length, shift, prefix: numberOf(network) >> shift }];
}

/** An address, of which it is known that it is one, as a number. */
function numberOf(address: string): bigint {
  const [, front = "", last] = /^(.*?:)?(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? [];
  const tail = (last ?? "0.0.0.0").split(".").reduce((sum, one) => (sum << 8n) + BigInt(one), 0n);
  if (last !== undefined && front === "") return tail;
  // the last four bytes of an IPv6 address may be written as those of IPv4
  const words =
    last === undefined ? address : `${front}${(tail >> 16n).toString(16)}:${(tail & 65535n).toString(16)}`;
  const [head = [], rest] = words.split("::").map((part) => part.split(":").filter((word) => word !== ""));
  const missing = rest === undefined ? 0 : 8 - head.length - rest.length;
  const all = [...head, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(rest ?? [])];
  return all.reduce((sum, word) => (sum << 16n) + BigInt(`0x${word}`), 0n);
}
