import { findPciAddress, type PciAddress } from "../../pci/address";

/** Where a device of the host hangs, by its path in sysfs. */
export interface OnPath {
  /** The nearest PCI function. Absent for what is virtual, or is not on PCI. */
  readonly hostAddress?: PciAddress;
  /**
   * Those above it, the nearest first: bridges, and what is none and has a bus behind it all the same (Intel
   * VMD). Who takes one of them takes the device. Default: none.
   */
  readonly above?: readonly PciAddress[];
}

/** Several times what a host with two thousand disks on its controllers has above those. */
const MOST_ABOVE = 20_000;

/** The kernel takes no longer paths (PATH_MAX); a record has some text beside one. */
const MOST_CHARACTERS = 8_192;

/** More than a chain of six Thunderbolt docks has. */
const MOST_ON_PATH = 16;

/**
 * The PCI functions on a path in sysfs.
 *
 * @throws Error if there are more than a host can have one behind the other
 */
export function onPath(path: string): OnPath {
  const [hostAddress, ...above] = functionsOnPath(path);
  if (above.length >= MOST_ON_PATH) throw new Error(`too many PCI functions on ${path.slice(0, 80)}`);
  if (hostAddress === undefined) return {};
  return { hostAddress, ...(above.length > 0 && { above }) };
}

/** Every PCI function that a path in sysfs goes through, the nearest to its end first. */
export function functionsOnPath(path: string): PciAddress[] {
  const found =
    path.slice(-MOST_CHARACTERS).match(/(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7](?=\/|$)/g) ?? [];
  return [...new Set(found.reverse().flatMap((one) => findPciAddress(one) ?? []))];
}

/**
 * Whoever has very many devices behind very many functions has a use of each by each.
 *
 * @param counts how many functions each device is gone with
 * @throws Error if they are more than on any host
 */
export function requireFewFunctions(counts: readonly number[]): void {
  const above = counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  if (above > MOST_ABOVE) throw new Error(`its devices are behind too many PCI functions (${above})`);
}

/** All functions that a device is gone with. */
export function functionsOf({ hostAddress, above = [] }: OnPath): readonly PciAddress[] {
  return hostAddress === undefined ? [] : above.length === 0 ? [hostAddress] : [hostAddress, ...above];
}
