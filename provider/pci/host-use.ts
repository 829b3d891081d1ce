import type { PciAddress } from "./address";

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
 */
export function findHostUses(survey: HostSurvey): HostUse[] {
  const uses: HostUse[] = [];
  const lower = new Map(survey.interfaces.map((i) => [i.name, i.lowerInterfaces]));
  const addInterface = (top: string, what: string): void => {
    const names = closure(top, lower);
    for (const one of survey.interfaces) {
      if (one.pciAddress === undefined || !names.has(one.name)) continue;
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
    const names = closure(top.name, slaves);
    const where = mountPoint === "[SWAP]" ? "is used as swap" : `is mounted on ${mountPoint}`;
    for (const disk of survey.disks)
      if (disk.pciAddress !== undefined && names.has(disk.name))
        uses.push({ address: disk.pciAddress as PciAddress, use: `has disk ${top.name}, which ${where}` });
  }
  return uses;
}

function closure(start: string, parts: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set([start]);
  for (const name of found) for (const part of parts.get(name) ?? []) found.add(part);
  return found;
}
