import type { DiskHolder, HostDisk } from "../facts";
import { labelOf } from "./disk-label";
import type { DiskLabel, DiskUseReason } from "./host-use";

/** The kinds of devices that are made of disks, in the order in which they are told. */
const HOLDERS = [
  ...(["raid", "lvm", "encryption", "multipath", "mapper", "bcache", "drbd", "loop", "other"] as const),
] satisfies readonly DiskHolder[];

/** The devices that a disk or partition is a part of, a reason for each kind. */
export function holderReasons(disk: DiskLabel, holders: readonly HostDisk[]): DiskUseReason[] {
  return HOLDERS.flatMap((holder): DiskUseReason[] => {
    const labels = holders.filter((one) => one.holder === holder).map(labelOf);
    return labels.length === 0 ? [] : [{ kind: "disk-holder", disk, holder, holders: labels }];
  });
}

/**
 * The names of what is a RAID, an LVM volume or the like, or lies on such a device through any number of
 * layers.
 */
export function namesOnHolder(
  disks: readonly HostDisk[],
  uppers: ReadonlyMap<string, readonly HostDisk[]>,
): ReadonlySet<string> {
  const found = new Set(disks.filter((one) => one.holder !== undefined).map((one) => one.name));
  // a set hands out what is added while it is walked
  for (const name of found) for (const upper of uppers.get(name) ?? []) found.add(upper.name);
  return found;
}
