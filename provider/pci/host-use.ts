import { fail } from "../errors";
import type { PciAddress } from "./address";

/**
 * Most interfaces and disks that are followed, from what is used down to what it lies on. Five hundred disks with four
 * paths each, in a hundred volumes across all of them, take some 250,000.
 */
const MAX_FOLLOWED = 500_000;

/** What the host itself needs, as far as a survey of it can tell. Names are kernel names. */
export interface HostSurvey {
  readonly interfaces: readonly {
    readonly name: string;
    /** PCI function the interface sits on. */
    readonly pciAddress?: string;
    /** Interfaces it is made of: ports of a bridge or bond, parent of a VLAN. */
    readonly lowerInterfaces: readonly string[];
  }[];
  readonly defaultRouteInterfaces: readonly string[];
  readonly sshInterfaces: readonly string[];
  readonly disks: readonly {
    readonly name: string;
    readonly pciAddress?: string;
    /** Disks it is made of: members of a device-mapper or RAID device, the disk of a partition. */
    readonly slaves: readonly string[];
    readonly mountPoints: readonly string[];
  }[];
}

/** Why a function may not be taken from the host. */
export interface HostUse {
  readonly address: PciAddress;
  /** In words that follow "it": `carries the host's default route (interface eth0)`. */
  readonly use: string;
}

/**
 * The functions that the host cannot do without: whose interface carries this SSH connection or a
 * default route, itself or as a part of a bridge, bond or VLAN, and whose disk is mounted or swap.
 *
 * @throws ProviderError FUNCTION_USED_BY_HOST where they are stacked in more ways than can be followed
 */
export function findHostUses(survey: HostSurvey): HostUse[] {
  const uses: HostUse[] = [];
  let followed = 0;
  const closure = (start: string, parts: ReadonlyMap<string, readonly string[]>): Set<string> => {
    const found = new Set([start]);
    for (const name of found)
      for (const part of parts.get(name) ?? []) {
        found.add(part);
        followed += 1;
        if (followed > MAX_FOLLOWED)
          throw fail("FUNCTION_USED_BY_HOST", {
            uses: ["its disks or interfaces are stacked in too many ways to tell"],
          });
      }
    return found;
  };
  const interfaces = new Map(survey.interfaces.map((one) => [one.name, one]));
  const disks = new Map(survey.disks.map((one) => [one.name, one]));
  const lower = new Map(survey.interfaces.map((i) => [i.name, i.lowerInterfaces]));
  const addInterface = (top: string, what: string): void => {
    for (const one of [...closure(top, lower)].flatMap((name) => interfaces.get(name) ?? [])) {
      if (one.pciAddress === undefined) continue;
      const via = one.name === top ? "" : `, a part of ${top}`;
      uses.push({
        address: one.pciAddress as PciAddress,
        use: `${what} (interface ${one.name}${via})`,
      });
    }
  };
  for (const name of survey.sshInterfaces) addInterface(name, "carries this SSH connection");
  for (const name of survey.defaultRouteInterfaces) addInterface(name, "carries the host's default route");

  const slaves = new Map(survey.disks.map((d) => [d.name, d.slaves]));
  for (const top of survey.disks) {
    const mountPoint = top.mountPoints[0];
    if (mountPoint === undefined) continue;
    const where = mountPoint === "[SWAP]" ? "is used as swap" : `is mounted on ${mountPoint}`;
    for (const disk of [...closure(top.name, slaves)].flatMap((name) => disks.get(name) ?? []))
      if (disk.pciAddress !== undefined)
        uses.push({ address: disk.pciAddress as PciAddress, use: `has disk ${top.name}, which ${where}` });
  }
  return uses;
}
