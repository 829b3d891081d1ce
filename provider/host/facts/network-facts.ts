import {
  OVS_DATAPATH,
  beneathOf,
  findAddress,
  findOtherEnd,
  isPpp,
  isTunnel,
  parentsOf,
  type Beneath,
  type IpAddress,
} from "./ip-links";
import { fieldsOf, isText, readIpList, requireFewValues, type IpList } from "./ip-output";
import {
  interfacesOf,
  isAlive,
  isAutomatic,
  isDefault,
  readNexthops,
  readRoutes,
  routesByInterface,
  waysTo,
  type IpRoute,
} from "./ip-routes";
import type { UnreadPart } from "./unread-part";

/** What iproute2 says of the host's network. */
export interface IpFacts {
  readonly links: ReadonlyMap<string, IpLink>;
  readonly defaultRouteInterfaces: readonly string[];
  /** Interface → destinations of its other routes, without those that the kernel makes by itself. */
  readonly routes: ReadonlyMap<string, readonly string[]>;
  /** Empty where there is no route to the client, or it was not asked for. */
  readonly routeToClientInterfaces: readonly string[];
  readonly unread: readonly UnreadPart[];
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
  /** What frames go through that is not beneath: the other end of a pair, and the bridge that has it. */
  readonly reaches: readonly string[];
  readonly beneath: Beneath;
}

/** Several times what a host of a thousand guests has. */
const MAX_INTERFACES = 4_000;

/** Of each list of routes. Of more than some six thousand the helper asks for a part alone. */
const MAX_ROUTES = 10_000;

/** What the helper asks `ip`, a line for each list. */
export interface IpLines {
  /** Of `addr show`, then of `route show`, once or for parts of it. */
  readonly lists: readonly string[];
  /** Of `nexthop show`, which iproute2 before 5.3 does not know. */
  readonly nexthops?: string;
  /** Of `route get`, which prints nothing where there is no route. */
  readonly routesToClient: readonly string[];
  /** Lines of /proc/net/pppoe without its heading. */
  readonly pppoe?: readonly string[];
}

/**
 * Reads the output of the helper's `ip -j -d -batch`: one JSON array per line and command. What cannot be
 * read is named in the result.
 *
 * @throws Error when it has more than any host has
 */
export function parseIpOutput(lines: IpLines): IpFacts {
  const { lists, nexthops = "", routesToClient, pppoe = [] } = lines;
  requireFewValues([...lists, nexthops, ...routesToClient]);
  const [addresses = readIpList(""), ...routeLists] = lists.map(readIpList);
  if (routeLists.length === 0) routeLists.push(readIpList(""));
  if (addresses.elements.length > MAX_INTERFACES) throw new Error(`"ip" shows too many interfaces`);
  const objects = readIpList(nexthops);
  if ([...routeLists, objects].some(({ elements }) => elements.length > MAX_ROUTES))
    throw new Error(`"ip" shows too many routes`);
  const hops = readNexthops(objects.elements);
  const routes = readRoutes(routeLists, hops);
  const alive = routes.filter(isAlive);
  const toClient = routesToClient.filter((line) => line !== "").map(readIpList);
  return {
    links: linksOf(addresses, alive, pppoe),
    defaultRouteInterfaces: interfacesOf(alive.filter(isDefault)),
    routes: routesByInterface(alive.filter((route) => !isDefault(route) && !isAutomatic(route))),
    routeToClientInterfaces: interfacesOf(readRoutes(toClient, hops)),
    unread: [
      ...unreadPart("interfaces", [addresses, ...namelessOf(addresses)]),
      ...unreadPart("routes", [...routeLists, ...unknownWays(alive, objects)]),
      ...unreadPart("route-to-client", toClient),
    ],
  };
}

/** Elements that are of no interface; iproute2 prints empty ones in the place of what was not asked for. */
function namelessOf({ elements }: IpList): IpList[] {
  const isNameless = (one: unknown): boolean => !isText(fieldsOf(one)["ifname"]);
  const hasOne = elements.some((one) => isNameless(one) && Object.keys(fieldsOf(one)).length > 0);
  return hasOne ? [{ elements: [], unread: "has an interface without a name" }] : [];
}

function unreadPart(part: UnreadPart["part"], lists: readonly IpList[]): UnreadPart[] {
  const reason = lists.find((one) => one.unread !== undefined)?.unread;
  return reason === undefined ? [] : [{ part, reason }];
}

/** The list of nexthop objects matters where a route names one that it does not have. */
function unknownWays(routes: readonly IpRoute[], { unread }: IpList): IpList[] {
  const id = routes.find((one) => one.unknownNexthop !== undefined)?.unknownNexthop;
  const why = unread === undefined ? "" : `: "ip nexthop" ${unread}`;
  return id === undefined
    ? []
    : [{ elements: [], unread: `lead to nexthop ${id}, which is not known${why}` }];
}

function linksOf(
  { elements }: IpList,
  routes: readonly IpRoute[],
  pppoe: readonly string[],
): ReadonlyMap<string, IpLink> {
  const own = elements.flatMap((one) => findAddress(one) ?? []);
  const byName = new Map(own.map((one) => [one.ifname, one]));
  const lowerOf = lowerFinder(own, routes, pppoe);
  return new Map(
    own.map((one) => {
      const otherEnd = findOtherEnd(one);
      const bridge = byName.get(otherEnd ?? "")?.master;
      const link: IpLink = {
        isUp: one.flags.includes("UP"),
        ...(one.kind !== undefined && { kind: one.kind }),
        addresses: one.addresses,
        lowerInterfaces: lowerOf(one),
        reaches: [otherEnd, bridge].filter((name) => name !== undefined),
        beneath: beneathOf(one),
      };
      return [one.ifname, link];
    }),
  );
}

/**
 * What an interface runs on. For an internal port of Open vSwitch that is the datapath, and so all its ports,
 * since the kernel does not say which of them it reaches; for PPP every interface with a PPPoE session, for
 * it does not say which is whose; for a tunnel the interface with its own address, or by which packets to its
 * other end leave.
 */
function lowerFinder(
  own: readonly IpAddress[],
  routes: readonly IpRoute[],
  pppoe: readonly string[],
): (one: IpAddress) => readonly string[] {
  const ovsPorts = own.filter(({ master }) => master === OVS_DATAPATH).map(({ ifname }) => ifname);
  const sessions = [...new Set(pppoe.flatMap(findSessionInterface))];
  const holders = new Map(own.flatMap(({ addresses, ifname }) => addresses.map((one) => [one, ifname])));
  const wayTo = waysTo(routes);
  const endsOf = ({ ifname, local = "", remote = "" }: IpAddress): readonly string[] => {
    const holder = holders.get(local);
    return (holder === undefined ? wayTo(remote) : [holder]).filter((name) => name !== ifname);
  };
  return (one) => {
    const parents = parentsOf(one);
    if (one.ifname === OVS_DATAPATH) return [...parents, ...ovsPorts];
    if (one.kind === "openvswitch") return [...parents, OVS_DATAPATH];
    if (isPpp(one)) return [...parents, ...sessions];
    return parents.length === 0 && isTunnel(one) && !one.isElsewhere ? endsOf(one) : parents;
  };
}

/** `00000001 52:54:00:12:34:56     eth0` (Linux drivers/net/ppp/pppoe.c: pppoe_seq_show) */
function findSessionInterface(line: string): string[] {
  const [, name] = /^[0-9A-F]{8} [0-9a-f:]{17} +([^ ]+)$/.exec(line) ?? [];
  return name === undefined ? [] : [name];
}
