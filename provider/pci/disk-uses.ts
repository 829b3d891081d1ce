import type { PciAddress } from "./address";
import type { SurveyedDisk } from "./host-survey";
import type { HostUse } from "./host-use";
import { closure, listSome } from "./stack";

type Holder = NonNullable<SurveyedDisk["holder"]>;

/**
 * What the host uses disks for: mounts and swap at the top of their layers, and what holds a disk or
 * partition at the bottom, mounted or not.
 */
export function diskUses(disks: readonly SurveyedDisk[]): HostUse[] {
  const parts = new Map(disks.map((one) => [one.name, one.slaves]));
  return disks.flatMap((disk) => {
    const below = closure(disk.name, parts);
    const functions = disks.flatMap((one) => (below.has(one.name) ? (one.pciAddress ?? []) : []));
    const isHeldLower = disks.some((one) => below.has(one.name) && one.holder !== undefined);
    const uses = [...ownUses(disk), ...(isHeldLower ? [] : holderUses(disk, disks))];
    return uses.flatMap((use) =>
      functions.map((address) => ({
        address: address as PciAddress,
        use: `has disk ${label(disk)}, which ${use}`,
        isThisConnection: false,
      })),
    );
  });
}

/** In words that follow "which". */
function ownUses({ mountPoints, claims }: SurveyedDisk): string[] {
  const places = mountPoints.filter((one) => one !== "[SWAP]");
  return [
    ...(places.length > 0 ? [`is mounted on ${listSome(places)}`] : []),
    ...(places.length < mountPoints.length ? ["is used as swap"] : []),
    ...claims.flatMap(({ by, name = "" }) => {
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
function holderUses(disk: SurveyedDisk, all: readonly SurveyedDisk[]): string[] {
  const holders = all.filter((one) => one.slaves.includes(disk.name));
  return Object.entries(HOLDERS).flatMap(([kind, words]) => {
    const names = holders.filter((one) => one.holder === kind).map(label);
    return names.length === 0 ? [] : `is a part of ${words} ${listSome(names)}`;
  });
}

function label({ name, alias }: SurveyedDisk): string {
  return alias === undefined ? name : `${alias} (${name})`;
}
