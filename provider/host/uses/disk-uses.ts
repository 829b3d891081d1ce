import type { PciAddress } from "../../pci/address";
import { functionsOf, turnedRound, type HostDisk, type HostFacts } from "../facts";
import { holderReasons, namesOnHolder } from "./disk-holders";
import { labelOf } from "./disk-label";
import type { DiskLabel, DiskUseReason, HostUse } from "./host-use";
import { partsOf } from "./parts-of";
import { uniqueBy } from "./unique-by";

/** Most uses of one function by its disks: one is enough to keep it, and nobody reads more. */
const MAX_USES = 32;

/** Most disks in use that are told of a disk that they are made of. */
const MAX_TOPS = 8;

/** A disk that is used, and what for. */
interface UsedDisk {
  readonly name: string;
  readonly reasons: readonly DiskUseReason[];
}

/**
 * What the host uses disks for: mounts and swap at the top of their layers, and what holds a disk or
 * partition at the bottom, mounted or not.
 */
export function diskUses({ disks }: HostFacts): HostUse[] {
  const used = findUsedDisks(disks);
  const below = findFunctionsBelow(
    disks,
    used.map((one) => one.name),
  );
  const counts = new Map<PciAddress, number>();
  return used.flatMap(({ name, reasons }) =>
    [...(below.get(name) ?? [])].flatMap((hostAddress) => {
      const count = counts.get(hostAddress) ?? 0;
      counts.set(hostAddress, count + reasons.length);
      return reasons.slice(0, Math.max(0, MAX_USES - count)).map((reason) => useOf(reason, hostAddress));
    }),
  );
}

/** Written out, for a host can have very many uses: a copy of the reason costs three times as much. */
function useOf(reason: DiskUseReason, hostAddress: PciAddress): HostUse {
  const { kind, disk } = reason;
  switch (kind) {
    case "mount":
      return { kind, hostAddress, disk, mountPoints: reason.mountPoints, isThisConnection: false };
    case "swap":
      return { kind, hostAddress, disk, isThisConnection: false };
    case "disk-claim":
      return { kind, hostAddress, disk, claim: reason.claim, isThisConnection: false };
    case "disk-holder": {
      const { holder, holders } = reason;
      return { kind, hostAddress, disk, holder, holders, isThisConnection: false };
    }
  }
}

function findUsedDisks(disks: readonly HostDisk[]): UsedDisk[] {
  const uppers = turnedRound(disks, (one) => one.slaves);
  const onHolder = namesOnHolder(disks, uppers);
  return uniqueBy(disks, (one) => one.name).flatMap((one) => {
    const disk = labelOf(one);
    const ofHolders = onHolder.has(one.name) ? [] : holderReasons(disk, uppers.get(one.name) ?? []);
    const reasons = [...ownReasons(disk, one), ...ofHolders];
    return reasons.length === 0 ? [] : [{ name: one.name, reasons }];
  });
}

/** The functions that each of these disks lies on, by the disk's name. */
export function findFunctionsBelow(
  disks: readonly HostDisk[],
  tops: readonly string[],
): ReadonlyMap<string, ReadonlySet<PciAddress>> {
  const parts = partsOf(tops, new Map(disks.map((one) => [one.name, one.slaves])), MAX_TOPS);
  const onPci = turnedRound(disks, (one) => (one.hostAddress === undefined ? [] : [one.name]));
  const functionsBelow = (names: ReadonlySet<string>): ReadonlySet<PciAddress> => {
    const found = new Set<PciAddress>();
    for (const name of names)
      for (const disk of onPci.get(name) ?? []) for (const one of functionsOf(disk)) found.add(one);
    return found;
  };
  return new Map([...parts].map(([top, below]) => [top, functionsBelow(below)]));
}

function ownReasons(disk: DiskLabel, { mountPoints, claims }: HostDisk): DiskUseReason[] {
  const places = mountPoints.filter((one) => one !== "[SWAP]");
  // what is mounted where the login sees it is told by its mount points
  const told = claims.slice(0, MAX_USES).filter(({ by }) => by !== "filesystem" || places.length === 0);
  return [
    ...(places.length > 0 ? [{ kind: "mount" as const, disk, mountPoints: places }] : []),
    ...(places.length < mountPoints.length ? [{ kind: "swap" as const, disk }] : []),
    ...uniqueBy(told, ({ by, name = "" }) => `${by} ${name}`).map((claim) => ({
      kind: "disk-claim" as const,
      disk,
      claim,
    })),
  ];
}
