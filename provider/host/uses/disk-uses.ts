import type { PciAddress } from "../../pci/address";
import type { DiskFacts } from "./host-needs";
import type { HostUse } from "./host-use";
import { listSome, partsOf, turnedRound } from "./stack";

type Holder = NonNullable<DiskFacts["holder"]>;

/** Most uses of one function by its disks: one is enough to keep it, and nobody reads more. */
const MAX_USES = 32;

/** Most disks in use that are told of one that they are made of. */
const MAX_TOPS = 8;

/**
 * What the host uses disks for: mounts and swap at the top of their layers, and what holds a disk or
 * partition at the bottom, mounted or not.
 */
export function diskUses(disks: readonly DiskFacts[]): HostUse[] {
  const holders = turnedRound(disks, (one) => one.slaves);
  const onHolder = namesOnHolder(disks, holders);
  const used = disks.flatMap((disk) => {
    const ofHolders = onHolder.has(disk.name) ? [] : holderUses(holders.get(disk.name) ?? []);
    const uses = [...ownUses(disk), ...ofHolders].map((use) => `has disk ${label(disk)}, which ${use}`);
    return uses.length === 0 ? [] : [{ name: disk.name, uses }];
  });
  const names = used.map((one) => one.name);
  const below = partsOf(names, new Map(disks.map((one) => [one.name, one.slaves])), MAX_TOPS);
  const onPci = turnedRound(
    disks.filter((one) => one.pciAddress !== undefined),
    (one) => [one.name],
  );
  const counts = new Map<PciAddress, number>();
  return used.flatMap(({ name, uses }) => {
    const lower = [...(below.get(name) ?? [])].flatMap((part) => onPci.get(part) ?? []);
    const functions = new Set(lower.map((one) => one.pciAddress as PciAddress));
    return [...functions].flatMap((hostAddress) => {
      const count = counts.get(hostAddress) ?? 0;
      counts.set(hostAddress, count + uses.length);
      return uses
        .slice(0, Math.max(0, MAX_USES - count))
        .map((use): HostUse => ({ hostAddress, use, isThisConnection: false }));
    });
  });
}

/** What is a RAID, an LVM volume or the like, or lies on one through any number of layers. */
function namesOnHolder(
  disks: readonly DiskFacts[],
  uppers: ReadonlyMap<string, readonly DiskFacts[]>,
): ReadonlySet<string> {
  const found = new Set(disks.filter((one) => one.holder !== undefined).map((one) => one.name));
  // a set hands out what is added while it is walked
  for (const name of found) for (const upper of uppers.get(name) ?? []) found.add(upper.name);
  return found;
}

/** In words that follow "which". */
function ownUses({ mountPoints, claims }: DiskFacts): string[] {
  const places = mountPoints.filter((one) => one !== "[SWAP]");
  return [
    ...(places.length > 0 ? [`is mounted on ${listSome(places)}`] : []),
    ...(places.length < mountPoints.length ? ["is used as swap"] : []),
    ...claims.slice(0, MAX_USES).flatMap(({ by, name = "" }) => {
      switch (by) {
        case "filesystem":
          return places.length > 0 ? [] : `is mounted in another mount namespace (${name})`;
        case "zfs":
          return name === "" ? "is a part of a ZFS pool" : `is a part of ZFS pool ${name}`;
        case "scsi-target":
          return `is exported by SCSI target ${name}`;
        case "nvme-target":
          return `is exported by NVMe target ${name}`;
      }
    }),
  ];
}

const HOLDERS: Readonly<Record<Holder, string>> = {
  raid: "RAID",
  lvm: "LVM volume",
  encryption: "encrypted volume",
  multipath: "multipath device",
  mapper: "device-mapper device",
  bcache: "bcache",
  drbd: "DRBD device",
  loop: "loop device",
  other: "block device",
};

/** The devices that a disk or partition is a part of, a word for each kind. */
function holderUses(holders: readonly DiskFacts[]): string[] {
  return Object.entries(HOLDERS).flatMap(([kind, words]) => {
    const names = holders.filter((one) => one.holder === kind).map(label);
    return names.length === 0 ? [] : `is a part of ${words} ${listSome(names)}`;
  });
}

function label({ name, alias }: DiskFacts): string {
  return alias === undefined ? name : `${alias} (${name})`;
}
