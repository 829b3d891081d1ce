import { findDisk, mountPointsByDisk, type MountFacts } from "./mount-facts";
import {
  isTooLong,
  readEach,
  splitOnce,
  splitRecord,
  unreadableRecordError,
  type FactRecords,
  type ReadRecords,
} from "./fact-records";
import { onPath, type OnPath } from "./functions-on-path";
import type { UnreadPart } from "./unread-part";

/** A block device of the host, partitions and mapped devices included. */
export interface HostDisk extends OnPath {
  readonly name: string;
  /** Name of a mapped device: `vg-root`. */
  readonly alias?: string;
  /** What holds its slaves; absent for a disk, a partition or an NVMe namespace, which hold nothing. */
  readonly holder?: DiskHolder;
  /**
   * What it lies on: members of dm and md, a partition's disk, the paths of an NVMe namespace. Not
   * transitive.
   */
  readonly slaves: readonly string[];
  /** Where it is mounted, in the mount namespace of the login; `[SWAP]` where it is swapped to. */
  readonly mountPoints: readonly string[];
  /** Other uses of it that sysfs shows no holder for. */
  readonly claims: readonly DiskClaim[];
}

/** The kinds of block device that are made of others. */
export type DiskHolder =
  "raid" | "lvm" | "encryption" | "multipath" | "mapper" | "bcache" | "drbd" | "loop" | "other";

/** What has a disk without being a block device itself. */
export interface DiskClaim {
  /** `filesystem`: mounted in whichever mount namespace. `unread`: what has it cannot be read. */
  readonly by: "filesystem" | "zfs" | "scsi-target" | "nvme-target" | "unread";
  /** Type of the file system, ZFS pool, target; absent where a pool's is not known. */
  readonly name?: string;
}

/** One `blk` record. */
interface BlockDevice {
  readonly name: string;
  /** `8:1`, or `-` where it cannot be opened. */
  readonly number: string;
  readonly at: OnPath;
  /** The disk it is a partition of. */
  readonly wholeDisk?: string;
  readonly slaves: readonly string[];
}

/** Puts together what the records of the survey say of block devices. */
export function parseDisks(records: FactRecords): ReadRecords<HostDisk> {
  const of = (kind: string) => records.get(kind) ?? [];
  const blocks = readEach(of("blk"), "blk", parseBlockDevice);
  const mappings = readEach(of("dm"), "dm", parseMapped);
  const devices = blocks.read;
  const paths = nvmePaths(devices.map(({ name }) => name));
  const mapped = new Map(mappings.read);
  const facts: MountFacts = {
    mountInfo: of("mnt"),
    swaps: of("swap"),
    btrfsFilesystems: of("btrfs").map((record) => record.split(" ")),
    nameByNumber: new Map(devices.map(({ number, name }) => [number, name])),
    nameByMapperName: new Map([...mapped].map(([name, { alias }]) => [alias, name])),
  };
  const mountPoints = mountPointsByDisk(facts);
  const { claims, unread } = claimsByDisk(records);
  const backingFiles = new Map(of("loop").map(splitOnce));
  const read = devices.map(({ name, at, wholeDisk, slaves }) => {
    const backing = findDisk(backingFiles.get(name) ?? "", facts);
    const made = [...slaves, ...(backing === undefined ? [] : [backing])];
    const holder = mapped.get(name)?.holder ?? holderByName(name);
    const alias = mapped.get(name)?.alias;
    return {
      name,
      ...(alias !== undefined && { alias }),
      ...at,
      ...(wholeDisk === undefined && made.length > 0 && { holder }),
      slaves: [...(wholeDisk === undefined ? [] : [wholeDisk]), ...made, ...(paths.get(name) ?? [])],
      mountPoints: mountPoints.get(name) ?? [],
      claims: claims.get(name) ?? [],
    };
  });
  return {
    read,
    unread: [...blocks.unread, ...mappings.unread, ...unread],
    unreadFunctions: blocks.unreadFunctions,
  };
}

/** `NAME MAJOR:MINOR IS_PARTITION [SLAVE...] /sys/devices/...` */
function parseBlockDevice(record: string): BlockDevice {
  const { name, words, path } = splitRecord(record);
  const [number = "-", isPartition, ...slaves] = words;
  const parent = path.split("/").at(-2);
  return {
    name,
    number,
    at: onPath(path),
    slaves,
    ...(isPartition === "1" && parent !== undefined && { wholeDisk: parent }),
  };
}

/**
 * `claim NAME filesystem TYPE`, `claim NAME target PATH-IN-CONFIGFS`, `claim NAME zfs`, and what udev took
 * for a member of a ZFS pool: `member NAME POOL`, which is in use where that pool is imported (`pool NAME`).
 */
function claimsByDisk(records: FactRecords): {
  readonly claims: ReadonlyMap<string, readonly DiskClaim[]>;
  readonly unread: readonly UnreadPart[];
} {
  const of = (kind: string) => records.get(kind) ?? [];
  const found = new Map<string, DiskClaim[]>();
  const inNamedPool = new Set<string>();
  const add = (disk: string, claim: DiskClaim): void => {
    const claims = found.get(disk);
    if (claims === undefined) found.set(disk, [claim]);
    else claims.push(claim);
    if (claim.by === "zfs") inNamedPool.add(disk);
  };
  const pools = new Set(of("pool"));
  for (const [disk, name] of of("member").map(splitOnce)) if (pools.has(name)) add(disk, { by: "zfs", name });
  for (const members of of("btrfs"))
    for (const disk of members.split(" ")) add(disk, { by: "filesystem", name: "btrfs" });
  for (const [disk, rest] of of("claim").map(splitOnce)) {
    const [by, name] = splitOnce(rest);
    const target = by === "target" ? findTarget(name) : undefined;
    if (by === "filesystem") add(disk, { by, name });
    else if (target !== undefined) add(disk, target);
    else if (by !== "zfs") add(disk, { by: "unread" });
    else if (!inNamedPool.has(disk)) add(disk, { by });
  }
  const unread = [...found].filter(([, claims]) => claims.some(({ by }) => by === "unread"));
  return {
    claims: found,
    unread: unread.slice(0, 10).map(([disk]) => ({ part: "record", reason: `claim ${disk}`.slice(0, 80) })),
  };
}

/** `target/core/iblock_0/NAME/udev_path` or `nvmet/subsystems/NAME/namespaces/1/device_path` */
function findTarget(path: string): DiskClaim | undefined {
  const [, scsi] = /^target\/core\/(.+)\/udev_path$/.exec(path) ?? [];
  if (scsi !== undefined) return { by: "scsi-target", name: scsi };
  const [, nvme] = /^nvmet\/subsystems\/(.+)\/namespaces\//.exec(path) ?? [];
  if (nvme !== undefined) return { by: "nvme-target", name: nvme };
  return undefined;
}

/** The beginning of a mapped device's UUID tells who made it. */
const MAPPER_MAKERS: Readonly<Record<string, DiskHolder>> = {
  LVM: "lvm",
  CRYPT: "encryption",
  mpath: "multipath",
  DMRAID: "raid",
};

/** `NAME MAPPED-NAME [UUID]` */
function parseMapped(record: string): [string, { alias: string; holder: DiskHolder }] {
  const [name, alias, uuid = ""] = record.split(" ");
  if (name === undefined || alias === undefined || isTooLong(alias)) throw unreadableRecordError(record);
  return [name, { alias, holder: MAPPER_MAKERS[uuid.split("-")[0] ?? ""] ?? "mapper" }];
}

/** How the kernel's names of what is made of other disks begin: md127, md_d0, md_home. */
const HOLDERS_BY_NAME: Readonly<Record<string, DiskHolder>> = {
  md: "raid",
  bcache: "bcache",
  drbd: "drbd",
  loop: "loop",
};

function holderByName(name: string): DiskHolder {
  return HOLDERS_BY_NAME[/^(md|bcache|drbd|loop)/.exec(name)?.[0] ?? ""] ?? "other";
}

/**
 * With native NVMe multipath a namespace (nvme0n1) hangs below a virtual subsystem; its paths through the
 * controllers are hidden disks named nvme0c3n1 (Linux, drivers/nvme/host/multipath.c:
 * nvme_mpath_set_disk_name).
 *
 * @returns the paths of each namespace
 */
function nvmePaths(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, string[]>();
  for (const name of names) {
    const [, subsystem, namespace] = /^nvme(\d+)c\d+n(\d+)$/.exec(name) ?? [];
    if (subsystem === undefined || namespace === undefined) continue;
    const disk = `nvme${subsystem}n${namespace}`;
    const known = paths.get(disk);
    if (known === undefined) paths.set(disk, [name]);
    else known.push(name);
  }
  return paths;
}
