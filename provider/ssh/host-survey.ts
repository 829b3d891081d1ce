import { parseIpOutput, type IpFacts } from "./host-survey-network";
import { mountPointsByDisk } from "./host-survey-mounts";

/** What the host itself needs; a guard must not take any of it from the host. */
export interface HostSurvey {
  readonly interfaces: readonly HostInterface[];
  /** Interfaces of the default routes, IPv4 and IPv6, all tables; the two halves of a split default too. */
  readonly defaultRouteInterfaces: readonly string[];
  /** Interfaces holding the server's address of this SSH connection, and the one leading to the client. */
  readonly sshInterfaces: readonly string[];
  readonly disks: readonly HostDisk[];
}

/** A network interface of the host. */
export interface HostInterface {
  readonly name: string;
  /** `0000:01:00.0`: the nearest PCI function on its sysfs path. Absent for virtual interfaces. */
  readonly pciAddress?: string;
  /** What it runs on: ports of a bond or bridge, the parent of a VLAN. Not transitive. */
  readonly lowerInterfaces: readonly string[];
  /** Without prefix length. */
  readonly addresses: readonly string[];
}

/** A block device of the host, partitions and mapped devices included. */
export interface HostDisk {
  readonly name: string;
  /** The nearest PCI function on its sysfs path. Absent for virtual disks. */
  readonly pciAddress?: string;
  /** What it lies on: members of dm and md, a partition's disk, the paths of an NVMe namespace. Not transitive. */
  readonly slaves: readonly string[];
  /** Where it is mounted, in the mount namespace of the login; `[SWAP]` where it is swapped to. */
  readonly mountPoints: readonly string[];
}

/** Most pairs of interface and what it runs on. Every port of an Open vSwitch counts each of its ports. */
const MAX_RELATIONS = 1_000_000;

/** The kinds of record of the helper's survey; see host-helper-program.ts. */
type Records = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the records of the helper's survey. Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parseHostSurvey(lines: readonly string[]): HostSurvey {
  const records = groupByKind(lines);
  const of = (kind: string) => records.get(kind) ?? [];
  const network = parseIpOutput(of("ip"));
  let relations = 0;
  // NAME [LOWER...] /sys/devices/...
  const interfaces = of("net").map((record) => {
    const { name, words, path } = splitRecord(record);
    const stated = network.lowerInterfaces.get(name) ?? [];
    relations += words.length + stated.length;
    if (relations > MAX_RELATIONS) throw new Error("its interfaces run on too many others");
    const lower = new Set([...words, ...stated]);
    lower.delete(name);
    return {
      name,
      ...pciAddressOn(path),
      lowerInterfaces: [...lower],
      addresses: network.addresses.get(name) ?? [],
    };
  });
  return {
    interfaces,
    defaultRouteInterfaces: network.defaultRouteInterfaces,
    sshInterfaces: sshInterfaces(of("ssh")[0] ?? "", network),
    disks: parseDisks(records),
  };
}

function groupByKind(lines: readonly string[]): Records {
  const records = new Map<string, string[]>();
  for (const line of lines) {
    const [, kind, rest] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    if (kind === undefined || rest === undefined) throw new Error(`unreadable record "${line.slice(0, 80)}"`);
    const ofKind = records.get(kind);
    if (ofKind === undefined) records.set(kind, [rest]);
    else ofKind.push(rest);
  }
  return records;
}

/** `NAME MAJOR:MINOR IS_PARTITION [SLAVE...] /sys/devices/...` */
function parseDisks(records: Records): readonly HostDisk[] {
  const disks = (records.get("blk") ?? []).map((record) => {
    const { name, words, path } = splitRecord(record);
    const [number = "-", isPartition, ...slaves] = words;
    const parent = path.split("/").at(-2);
    const own = isPartition === "1" && parent !== undefined ? [parent, ...slaves] : slaves;
    return { name, number, path, slaves: own };
  });
  const mapperNames = new Map(
    (records.get("dm") ?? []).map((record) => splitOnce(record).reverse()) as [string, string][],
  );
  const mountPoints = mountPointsByDisk({
    mountInfo: records.get("mnt") ?? [],
    swaps: records.get("swap") ?? [],
    btrfsFilesystems: (records.get("btrfs") ?? []).map((record) => record.split(" ")),
    nameByNumber: new Map(disks.map(({ number, name }) => [number, name])),
    nameByMapperName: mapperNames,
  });
  const nvmePaths = nvmePathsByNamespace(disks.map(({ name }) => name));
  return disks.map(({ name, path, slaves }) => ({
    name,
    ...pciAddressOn(path),
    slaves: [...slaves, ...(nvmePaths.get(name) ?? [])],
    mountPoints: mountPoints.get(name) ?? [],
  }));
}

/**
 * With native NVMe multipath a namespace (nvme0n1) hangs below a virtual subsystem; its paths through the
 * controllers are hidden disks named nvme0c3n1 (Linux, drivers/nvme/host/multipath.c: nvme_mpath_set_disk_name).
 */
function nvmePathsByNamespace(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const name of names) {
    const [, subsystem, namespace] = /^nvme(\d+)c\d+n(\d+)$/.exec(name) ?? [];
    if (subsystem === undefined || namespace === undefined) continue;
    const key = `nvme${subsystem}n${namespace}`;
    const known = paths.get(key);
    if (known === undefined) paths.set(key, [name]);
    else known.push(name);
  }
  return paths;
}

function sshInterfaces(record: string, network: IpFacts): readonly string[] {
  // client address, client port, server address, server port; a link-local address carries %interface
  const server = record.split(" ")[2];
  if (server === undefined) throw new Error("the host does not say from where this SSH connection comes");
  const [address, zone] = server.split("%");
  const holders = [...network.addresses]
    .filter(([, own]) => own.includes(address ?? ""))
    .map(([name]) => name);
  const all = [...(zone === undefined ? holders : [zone]), ...network.routeToClientInterfaces];
  return [...new Set(all)];
}

function splitRecord(record: string): { name: string; words: readonly string[]; path: string } {
  const [, name, words, path] = /^(\S+)((?: +[^\s/]\S*)*) +(\/.*)$/s.exec(record) ?? [];
  if (name === undefined || words === undefined || path === undefined) {
    throw new Error(`unreadable record "${record.slice(0, 80)}"`);
  }
  return { name, words: words.split(" ").filter((word) => word !== ""), path };
}

function splitOnce(text: string): [string, string] {
  const index = text.indexOf(" ");
  return [text.slice(0, index), text.slice(index + 1)];
}

function pciAddressOn(path: string): { pciAddress?: string } {
  const found = path.match(/(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g);
  const pciAddress = found?.at(-1);
  return pciAddress === undefined ? {} : { pciAddress };
}
