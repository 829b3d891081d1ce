import type { PciAddress } from "../../pci/address";
import type { BeneathDevice } from "./beneath-device";
import { parseBeneath, type BeneathLook } from "./beneath-facts";
import { parseFunctionUsers, type FunctionUser } from "./function-users";
import type { Beneath } from "./ip-links";
import { parseIpOutput, type IpFacts } from "./network-facts";
import { parseDisks, type HostDisk } from "./disk-facts";
import { groupByKind, parseHostAddress, readEach, splitRecord, unreadableRecordError } from "./fact-records";
import { functionsOf, onPath, requireFewFunctions, type OnPath } from "./functions-on-path";
import type { GuestDevices } from "./guest-devices";
import type { UnreadPart } from "./unread-part";

/** What one look at the host found of its interfaces, disks and PCI functions; data, without words. */
export interface HostFacts {
  /** As the host's bash names it: `x86_64`, `aarch64`, `powerpc64le`. */
  readonly architecture?: string;
  readonly interfaces: readonly HostInterface[];
  /** Interfaces of the default routes, IPv4 and IPv6, all tables; the two halves of a split default too. */
  readonly defaultRouteInterfaces: readonly string[];
  /** Interfaces holding the server's address of this SSH connection, and the one leading to the client. */
  readonly sshInterfaces: readonly string[];
  /** PCI functions with a network interface that is not in the network namespace of the login. */
  readonly functionsWithHiddenInterface: readonly PciAddress[];
  /** PCI functions that have virtual functions enabled (SR-IOV). */
  readonly physicalFunctions: readonly PhysicalFunction[];
  readonly disks: readonly HostDisk[];
  /** What hangs below its functions beside interfaces and disks. */
  readonly beneath: readonly BeneathDevice[];
  /** Undefined where that was not looked at: by a host program of an earlier release. */
  readonly beneathLook?: BeneathLook;
  /** Programs and their drivers. Default: none. */
  readonly functionUsers?: readonly FunctionUser[];
  /** The number of the user that looked, 0 for root; undefined where the host does not tell. */
  readonly lookedAs?: number;
  /** Functions of interfaces, disks and virtual functions of which the host tells what cannot be read. */
  readonly unreadFunctions: readonly PciAddress[];
  /** What cannot be read of all this, and so counts as a use where it may be one. */
  readonly unread: readonly UnreadPart[];
  /** `6.12.48-amd64`; undefined where the host does not tell. */
  readonly kernelRelease?: string;
  /** What running guests have of the host by way of its drivers. Default: it was not looked at. */
  readonly guestDevices?: GuestDevices;
}

/** A network interface of the host. */
export interface HostInterface extends OnPath {
  readonly name: string;
  /**
   * Administratively; a cable need not be plugged. `unread` where `ip` has told nothing of it that can be
   * read.
   */
  readonly isUp: boolean | "unread";
  /** iproute2's word for its type (`bridge`, `vlan`, `vxlan`); absent for hardware. */
  readonly kind?: string;
  /** What it runs on: ports of a bond or bridge, the parent of a VLAN. Not transitive. */
  readonly lowerInterfaces: readonly string[];
  /** What its frames go through that is not beneath: the other end of a pair, and the bridge that has it. */
  readonly reaches?: readonly string[];
  /** What carries it where no function and no interface is beneath. Default: it is not known. */
  readonly beneath?: Beneath;
  /** Without prefix length. */
  readonly addresses: readonly string[];
  /** Destinations of its routes, but for default routes and those that the kernel makes by itself. */
  readonly routes: readonly string[];
}

/** A PCI function with virtual functions enabled. */
export interface PhysicalFunction {
  readonly hostAddress: PciAddress;
  readonly virtualFunctions: readonly PciAddress[];
}

/**
 * Reads the records of the helper's survey. Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parseHostFacts(lines: readonly string[]): HostFacts {
  const records = groupByKind(lines);
  const of = (kind: string) => records.get(kind) ?? [];
  const network = parseIpOutput({
    lists: of("ip"),
    nexthops: of("hop")[0] ?? "",
    routesToClient: of("get"),
    pppoe: of("pppoe"),
  });
  const interfaces = readEach(of("net"), "net", (record) => parseInterface(record, network));
  const away = readEach(of("away"), "away", parseHostAddress);
  const physical = readEach(of("vf"), "vf", parsePhysicalFunction);
  const disks = parseDisks(records);
  const beneath = parseBeneath(records);
  const displays = beneath.read.filter((one) => one.kind === "display");
  const users = parseFunctionUsers(
    records,
    displays.flatMap((one) => one.hostAddresses.slice(0, 1)),
  );
  requireFewFunctions([
    ...[...interfaces.read, ...disks.read].map((one) => functionsOf(one).length),
    ...beneath.read.map((one) => one.hostAddresses.length),
  ]);
  const parts = [interfaces, away, physical, disks, beneath, users];
  const [ssh = ""] = of("ssh");
  const sshInterfaces = findSshInterfaces(ssh, network);
  const [, architecture] = /^([a-z0-9_]{1,20})$/.exec(of("arch")[0] ?? "") ?? [];
  const [kernelRelease] = of("kernel");
  const [, uid] = /^(\d{1,10})$/.exec(of("uid")[0] ?? "") ?? [];
  return {
    ...(architecture !== undefined && { architecture }),
    interfaces: interfaces.read,
    defaultRouteInterfaces: network.defaultRouteInterfaces,
    sshInterfaces,
    functionsWithHiddenInterface: away.read,
    physicalFunctions: physical.read,
    disks: disks.read,
    beneath: beneath.read,
    ...(beneath.look && { beneathLook: beneath.look }),
    ...(users.read.length > 0 && { functionUsers: users.read }),
    ...(uid !== undefined && { lookedAs: Number(uid) }),
    unreadFunctions: parts.flatMap(({ unreadFunctions }) => unreadFunctions),
    unread: [
      ...(sshInterfaces.length === 0
        ? [{ part: "connection" as const, reason: describeConnection(ssh) }]
        : []),
      ...network.unread.map((one) => withSaid(one, of("said"))),
      ...parts.flatMap(({ unread }) => unread),
    ],
    ...(kernelRelease !== undefined && kernelRelease !== "" && { kernelRelease }),
  };
}

/** What `ip` has said beside its answers is the reason, or tells where to look. */
function withSaid(one: UnreadPart, said: readonly string[]): UnreadPart {
  return said.length === 0
    ? one
    : { ...one, reason: `${one.reason} (ip said: ${said.join("; ").slice(0, 200)})` };
}

/** Where sysfs has what is made by software. */
const VIRTUAL = "/sys/devices/virtual/";

/** `NAME [LOWER...] /sys/devices/...` */
function parseInterface(record: string, network: IpFacts): HostInterface {
  const { name, words, path } = splitRecord(record);
  const link = network.links.get(name);
  const lower = new Set([...words, ...(link?.lowerInterfaces ?? [])]);
  return {
    name,
    ...onPath(path),
    isUp: link?.isUp ?? "unread",
    ...(link?.kind !== undefined && { kind: link.kind }),
    lowerInterfaces: [...lower],
    ...(link !== undefined && link.reaches.length > 0 && { reaches: link.reaches }),
    // what is no PCI function is no matter of a PCI function
    beneath: path.startsWith(VIRTUAL) ? (link?.beneath ?? "unknown") : "nothing",
    addresses: link?.addresses ?? [],
    routes: network.routes.get(name) ?? [],
  };
}

/** `PCI-ADDRESS NUMBER [PCI-ADDRESS-OF-VF...]` */
function parsePhysicalFunction(record: string): PhysicalFunction {
  const [hostAddress = "", number, ...virtualFunctions] = record.trimEnd().split(" ");
  if (!(Number(number) > 0)) throw unreadableRecordError(record);
  return {
    hostAddress: parseHostAddress(hostAddress),
    virtualFunctions: virtualFunctions.map(parseHostAddress),
  };
}

function findSshInterfaces(record: string, network: IpFacts): readonly string[] {
  // client address, client port, server address, server port; a link-local address carries %interface
  const server = record.split(" ")[2];
  const [address, zone] = (server ?? "").split("%");
  const holders = [...network.links]
    .filter(([, link]) => link.addresses.includes(address ?? ""))
    .map(([name]) => name);
  const all = [...(zone === undefined ? holders : [zone]), ...network.routeToClientInterfaces];
  return [...new Set(all)];
}

function describeConnection(record: string): string {
  const server = record.split(" ")[2];
  return server === undefined ? "the login does not tell" : `no interface has ${server.slice(0, 60)}`;
}
