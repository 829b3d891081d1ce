/** What iproute2 says of the host's network. */
export interface IpFacts {
  /** Interface → its addresses, without prefix length. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Interface → what it runs on, as far as sysfs does not tell. */
  readonly lowerInterfaces: ReadonlyMap<string, readonly string[]>;
  readonly defaultRouteInterfaces: readonly string[];
  /** Empty where there is no route to the client, or it was not asked for. */
  readonly routeToClientInterfaces: readonly string[];
}

interface IpAddress {
  readonly ifname: string;
  readonly link?: string;
  readonly link_netnsid?: number;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly local?: string }[];
}

interface IpRoute {
  readonly type?: string;
  readonly dev?: string;
  readonly nexthops?: readonly { readonly dev?: string }[];
}

/** Route types that lead nowhere (ip-route(8)). */
const DEAD_ENDS = new Set(["unreachable", "blackhole", "prohibit", "throw"]);

/** The helper's batch: `addr show`, the default route and the four halves of one, `route get CLIENT`. */
const ROUTE_LISTS = 5;

/**
 * Reads the output of the helper's `ip -j -d -batch`: one JSON array per line and command. `route get` is
 * the last and prints nothing where there is no route.
 *
 * @throws Error when the output does not have that form
 */
export function parseIpOutput(lines: readonly string[]): IpFacts {
  const [addresses, ...routes] = lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
  if (!Array.isArray(addresses) || routes.length < ROUTE_LISTS) {
    throw new Error(`"ip" printed ${lines.length} lines instead of ${ROUTE_LISTS + 1}`);
  }
  const own = addresses.filter(hasName);
  const switchPorts = own.filter(({ master }) => master === "ovs-system").map(({ ifname }) => ifname);
  return {
    addresses: new Map(
      own.map(({ ifname, addr_info = [] }) => [ifname, addr_info.map(({ local }) => local).filter(isText)]),
    ),
    lowerInterfaces: new Map(own.map((one) => [one.ifname, lowerOf(one, switchPorts)])),
    defaultRouteInterfaces: routeInterfaces(routes.slice(0, ROUTE_LISTS)),
    routeToClientInterfaces: routeInterfaces(routes.slice(ROUTE_LISTS)),
  };
}

/** `ip -j` prints an empty object for what it leaves out. */
function hasName(one: unknown): one is IpAddress {
  return typeof one === "object" && one !== null && isText((one as Partial<IpAddress>).ifname);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/**
 * The parent that a VLAN or tunnel names; and for an internal port of Open vSwitch all ports of the
 * switch, since the kernel does not say which of them it reaches.
 */
function lowerOf(one: IpAddress, switchPorts: readonly string[]): readonly string[] {
  const parent = isText(one.link) && one.link_netnsid === undefined ? [one.link] : [];
  if (one.linkinfo?.info_kind !== "openvswitch") return parent;
  return parent.length === 0 ? switchPorts : [...parent, ...switchPorts];
}

function routeInterfaces(lists: readonly unknown[]): readonly string[] {
  const routes = lists.flatMap((list) => (Array.isArray(list) ? (list as readonly IpRoute[]) : []));
  const alive = routes.filter(({ type }) => type === undefined || !DEAD_ENDS.has(type));
  const names = alive.flatMap(({ dev, nexthops = [] }) => [dev, ...nexthops.map((hop) => hop.dev)]);
  return [...new Set(names.filter(isText))];
}
