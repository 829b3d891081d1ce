/** What iproute2 says of the host's network. */
export interface IpFacts {
  readonly links: ReadonlyMap<string, IpLink>;
  readonly defaultRouteInterfaces: readonly string[];
  /** Interface → destinations of its other routes, without those that the kernel makes by itself. */
  readonly routes: ReadonlyMap<string, readonly string[]>;
  /** Empty where there is no route to the client, or it was not asked for. */
  readonly routeToClientInterfaces: readonly string[];
}

/** One interface. */
export interface IpLink {
  /** Administratively; a cable need not be plugged. */
  readonly isUp: boolean;
  /** iproute2's word for its type (`bridge`, `vlan`, `vxlan`); absent for hardware. */
  readonly kind?: string;
  /** Without prefix length. */
  readonly addresses: readonly string[];
  /** What it runs on, as far as sysfs does not tell. */
  readonly lowerInterfaces: readonly string[];
}

interface IpAddress {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly link?: string;
  readonly link_netnsid?: unknown;
  readonly master?: string;
  readonly kind?: string;
  readonly underlying?: string;
  readonly addresses: readonly string[];
}

interface IpRoute {
  readonly type?: string;
  readonly dst?: string;
  readonly protocol?: string;
  /** Of the route itself and of its next hops. */
  readonly devices: readonly string[];
}

/** Several times what a host of a thousand guests has. */
const MAX_INTERFACES = 4_000;

/** Of each list of routes. Of more than some six thousand the helper asks for a part alone. */
const MAX_ROUTES = 10_000;

/**
 * Most values in what `ip` prints, counted by what stands before them: their number is what reading costs. A
 * port of a bridge has some eighty.
 */
const MAX_VALUES = 150_000;
const [LIST, OBJECT, COMMA, COLON, QUOTE] = ["[", "{", ",", ":", '"'].map((one) => one.charCodeAt(0));

/**
 * Most names of values: several times what `ip` knows for all kinds of links together. A parser of JSON has a
 * cost of its own for each name that it has not met.
 */
const MAX_NAMES = 1_000;

/**
 * Linux's own limits for names of interfaces and their kinds are 15 characters; `ip` prints nothing longer
 * than a route.
 */
const MAX_TEXT_CHARACTERS = 255;

/** The kernel's one device for every switch of Open vSwitch: its ports are the ports of all. */
const OVS_DATAPATH = "ovs-system";

/** Route types that lead nowhere (ip-route(8)). */
const DEAD_ENDS = new Set(["unreachable", "blackhole", "prohibit", "throw"]);

/** Also the two halves into which a VPN likes to split it. */
const DEFAULT_DESTINATIONS = new Set(["default", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]);

/** Kinds whose `link` is their other end, and nothing that they run on. */
const PAIRS = new Set(["veth", "netkit", "vxcan"]);

/**
 * Reads the output of the helper's `ip -j -d -batch`: one JSON array per line and command.
 *
 * @param lists - of `addr show`, then of `route show`, once or for parts of it
 * @param routesToClient - of `route get`, which prints nothing where there is no route
 * @throws Error when the output does not have that form
 */
export function parseIpOutput(lists: readonly string[], routesToClient: readonly string[]): IpFacts {
  requireFewValues([...lists, ...routesToClient]);
  const [addresses, ...routeLists] = lists.map(parseList);
  if (addresses === undefined || routeLists.length === 0)
    throw new Error(`"ip" printed ${lists.length} lines instead of 2`);
  if (addresses.length > MAX_INTERFACES) throw new Error(`"ip" shows too many interfaces`);
  if (routeLists.some((list) => list.length > MAX_ROUTES)) throw new Error(`"ip" shows too many routes`);
  const own = addresses.flatMap((one) => readAddress(one) ?? []);
  const ovsPorts = own.filter(({ master }) => master === OVS_DATAPATH).map(({ ifname }) => ifname);
  const alive = routeLists
    .flat()
    .map(readRoute)
    .filter(({ type }) => type === undefined || !DEAD_ENDS.has(type));
  return {
    links: new Map(own.map((one) => [one.ifname, linkOf(one, ovsPorts)])),
    defaultRouteInterfaces: interfacesOf(alive.filter(isDefault)),
    routes: routesByInterface(alive.filter((route) => !isDefault(route) && !isAutomatic(route))),
    routeToClientInterfaces: interfacesOf(routesToClient.flatMap(parseList).map(readRoute)),
  };
}

function requireFewValues(lines: readonly string[]): void {
  let count = 0;
  const names = new Set<string>();
  for (const line of lines)
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at);
      if (code === COLON && line.charCodeAt(at - 1) === QUOTE) {
        names.add(line.slice(line.lastIndexOf('"', at - 2) + 1, at - 1));
        if (names.size > MAX_NAMES) throw new Error(`"ip" prints more than ${MAX_NAMES} names`);
      }
      if ((code === COMMA || code === OBJECT || code === LIST) && ++count > MAX_VALUES)
        throw new Error(`"ip" prints more than ${MAX_VALUES} values`);
    }
}

function parseList(line: string): readonly unknown[] {
  if (line === "") return [];
  const list = JSON.parse(line) as unknown;
  if (!Array.isArray(list)) throw new Error(`"ip" printed something else than a list`);
  return list;
}

/** Takes of what `ip` printed only what has the type that it has everywhere. */
function readAddress(value: unknown): IpAddress | undefined {
  const fields = fieldsOf(value);
  const linkinfo = fieldsOf(fields["linkinfo"]);
  if (!isText(fields["ifname"])) return undefined;
  return {
    ifname: fields["ifname"],
    flags: listOf(fields["flags"]).filter(isText),
    ...textAs("link", fields["link"]),
    ...(fields["link_netnsid"] !== undefined && { link_netnsid: fields["link_netnsid"] }),
    ...textAs("master", fields["master"]),
    ...textAs("kind", linkinfo["info_kind"]),
    ...textAs("underlying", fieldsOf(linkinfo["info_data"])["link"]),
    addresses: listOf(fields["addr_info"])
      .map((one) => fieldsOf(one)["local"])
      .filter(isText),
  };
}

function readRoute(value: unknown): IpRoute {
  const fields = fieldsOf(value);
  const hops = listOf(fields["nexthops"]).map((hop) => fieldsOf(hop)["dev"]);
  return {
    ...textAs("type", fields["type"]),
    ...textAs("dst", fields["dst"]),
    ...textAs("protocol", fields["protocol"]),
    devices: [fields["dev"], ...hops].filter(isText),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What is longer is none of `ip`'s. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT_CHARACTERS;
}

function textAs<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return isText(value) ? ({ [key]: value } as Record<K, string>) : {};
}

function linkOf(one: IpAddress, ovsPorts: readonly string[]): IpLink {
  const { kind, addresses } = one;
  return {
    isUp: one.flags.includes("UP"),
    ...(kind !== undefined && { kind }),
    addresses,
    lowerInterfaces: lowerOf(one, kind, ovsPorts),
  };
}

/**
 * The parent that a VLAN or tunnel names; and for an internal port of Open vSwitch the datapath, and so all
 * its ports, since the kernel does not say which of them it reaches.
 */
function lowerOf(one: IpAddress, kind: string | undefined, ovsPorts: readonly string[]): readonly string[] {
  const parents = [one.link, one.underlying].filter((name) => name !== undefined);
  const isElsewhere = one.link_netnsid !== undefined || (kind !== undefined && PAIRS.has(kind));
  const own = isElsewhere ? [] : [...new Set(parents)];
  if (one.ifname === OVS_DATAPATH) return [...own, ...ovsPorts];
  return kind === "openvswitch" ? [...own, OVS_DATAPATH] : own;
}

function isDefault({ dst }: IpRoute): boolean {
  return dst !== undefined && DEFAULT_DESTINATIONS.has(dst);
}

/**
 * What follows from an address or from being up: the address's own network, local and broadcast routes,
 * and IPv6 multicast, which kernels before 5.11 did not mark as their own.
 */
function isAutomatic({ type = "unicast", dst, protocol }: IpRoute): boolean {
  return type !== "unicast" || protocol === "kernel" || dst === "ff00::/8";
}

function routesByInterface(routes: readonly IpRoute[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const route of routes)
    for (const name of interfacesOf([route])) {
      const destinations = found.get(name) ?? new Set<string>();
      found.set(name, destinations.add(route.dst ?? "somewhere"));
    }
  return new Map([...found].map(([name, destinations]) => [name, [...destinations]]));
}

function interfacesOf(routes: readonly IpRoute[]): readonly string[] {
  return [...new Set(routes.flatMap(({ devices }) => devices))];
}
