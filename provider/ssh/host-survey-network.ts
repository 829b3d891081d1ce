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
  readonly flags?: readonly string[];
  readonly link?: string | null;
  readonly link_netnsid?: number;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly link?: unknown } };
  readonly addr_info?: readonly { readonly local?: string }[];
}

interface IpRoute {
  readonly type?: string;
  readonly dst?: string;
  readonly protocol?: string;
  readonly dev?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

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
  const [addresses, ...routeLists] = lists.map(parseList);
  if (addresses === undefined || routeLists.length === 0)
    throw new Error(`"ip" printed ${lists.length} lines instead of 2`);
  const own = addresses as readonly IpAddress[];
  const alive = (routeLists.flat() as readonly IpRoute[]).filter(
    ({ type }) => type === undefined || !DEAD_ENDS.has(type),
  );
  return {
    links: new Map(own.map((one) => [one.ifname, linkOf(one, own)])),
    defaultRouteInterfaces: interfacesOf(alive.filter(isDefault)),
    routes: routesByInterface(alive.filter((route) => !isDefault(route) && !isAutomatic(route))),
    routeToClientInterfaces: interfacesOf(routesToClient.flatMap(parseList) as readonly IpRoute[]),
  };
}

function parseList(line: string): readonly unknown[] {
  if (line === "") return [];
  const list = JSON.parse(line) as unknown;
  if (!Array.isArray(list)) throw new Error(`"ip" printed something else than a list`);
  return list;
}

function linkOf(one: IpAddress, all: readonly IpAddress[]): IpLink {
  const kind = one.linkinfo?.info_kind;
  return {
    isUp: one.flags?.includes("UP") ?? false,
    ...(kind !== undefined && { kind }),
    addresses: (one.addr_info ?? []).flatMap(({ local }) => local ?? []),
    lowerInterfaces: lowerOf(one, kind, all),
  };
}

/**
 * The parent that a VLAN or tunnel names; and for an internal port of Open vSwitch all ports of the
 * switch, since the kernel does not say which of them it reaches.
 */
function lowerOf(one: IpAddress, kind: string | undefined, all: readonly IpAddress[]): readonly string[] {
  const parents = [one.link, one.linkinfo?.info_data?.link].filter((name) => typeof name === "string");
  const isElsewhere = one.link_netnsid !== undefined || (kind !== undefined && PAIRS.has(kind));
  const own = isElsewhere ? [] : [...new Set(parents)];
  if (kind !== "openvswitch") return own;
  const ports = all.filter(({ master, ifname }) => master === "ovs-system" && ifname !== one.ifname);
  return [...own, ...ports.map(({ ifname }) => ifname)];
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
  const names = routes.flatMap(({ dev, nexthops = [] }) => [dev, ...nexthops.map((hop) => hop.dev)]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
