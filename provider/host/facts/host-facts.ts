import type { PciAddress } from "../../pci/address";
import { parseIpOutput, type IpFacts } from "./network-facts";
import { parseDisks, type HostDisk } from "./disk-facts";
import {
  groupByKind,
  hostAddressOn,
  parseHostAddress,
  splitRecord,
  unreadableRecordError,
} from "./fact-records";

/** What one look at the host found of its interfaces, disks and PCI functions; data, without words. */
export interface HostFacts {
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
}

/** A network interface of the host. */
export interface HostInterface {
  readonly name: string;
  /** The nearest PCI function on its sysfs path. Absent for virtual interfaces. */
  readonly hostAddress?: PciAddress;
  /** Administratively; a cable need not be plugged. */
  readonly isUp: boolean;
  /** iproute2's word for its type (`bridge`, `vlan`, `vxlan`); absent for hardware. */
  readonly kind?: string;
  /** What it runs on: ports of a bond or bridge, the parent of a VLAN. Not transitive. */
  readonly lowerInterfaces: readonly string[];
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
  const network = parseIpOutput(of("ip"), of("get"));
  return {
    interfaces: of("net").map((record) => parseInterface(record, network)),
    defaultRouteInterfaces: network.defaultRouteInterfaces,
    sshInterfaces: sshInterfaces(of("ssh")[0] ?? "", network),
    functionsWithHiddenInterface: of("away").map(parseHostAddress),
    physicalFunctions: of("vf").map(parsePhysicalFunction),
    disks: parseDisks(records),
  };
}

/** `NAME [LOWER...] /sys/devices/...` */
function parseInterface(record: string, network: IpFacts): HostInterface {
  const { name, words, path } = splitRecord(record);
  const link = network.links.get(name);
  const lower = new Set([...words, ...(link?.lowerInterfaces ?? [])]);
  return {
    name,
    ...hostAddressOn(path),
    isUp: link?.isUp ?? false,
    ...(link?.kind !== undefined && { kind: link.kind }),
    lowerInterfaces: [...lower],
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

function sshInterfaces(record: string, network: IpFacts): readonly string[] {
  // client address, client port, server address, server port; a link-local address carries %interface
  const server = record.split(" ")[2];
  if (server === undefined) throw new Error("the host does not say from where this SSH connection comes");
  const [address, zone] = server.split("%");
  const holders = [...network.links]
    .filter(([, link]) => link.addresses.includes(address ?? ""))
    .map(([name]) => name);
  const all = [...(zone === undefined ? holders : [zone]), ...network.routeToClientInterfaces];
  return [...new Set(all)];
}
