/** What the host itself needs, as far as a survey of it can tell. Names are kernel names. */
export interface HostFacts {
  readonly interfaces: readonly InterfaceFacts[];
  readonly defaultRouteInterfaces: readonly string[];
  readonly sshInterfaces: readonly string[];
  /** PCI functions with a network interface that is in another network namespace. */
  readonly functionsWithHiddenInterface: readonly string[];
  /** PCI functions with virtual functions enabled (SR-IOV), and which. */
  readonly physicalFunctions: readonly {
    readonly pciAddress: string;
    readonly virtualFunctions: readonly string[];
  }[];
  readonly disks: readonly DiskFacts[];
}

/** A network interface of the host. */
export interface InterfaceFacts {
  readonly name: string;
  /** PCI function the interface sits on. */
  readonly pciAddress?: string;
  /** Administratively; a cable need not be plugged. */
  readonly isUp: boolean;
  /** iproute2's word for its type (`bridge`, `vlan`); absent for hardware. */
  readonly kind?: string;
  /** Interfaces it is made of: ports of a bridge or bond, parent of a VLAN. */
  readonly lowerInterfaces: readonly string[];
  /** Without prefix length. */
  readonly addresses: readonly string[];
  /** Destinations of routes that somebody made, but for default routes. */
  readonly routes: readonly string[];
}

/** A block device of the host. */
export interface DiskFacts {
  readonly name: string;
  /** Name of a mapped device: `vg-root`. */
  readonly alias?: string;
  readonly pciAddress?: string;
  /** What it is, where it holds its slaves: not so for partitions and NVMe namespaces. */
  readonly holder?:
    "raid" | "lvm" | "encryption" | "multipath" | "mapper" | "bcache" | "drbd" | "loop" | "other";
  /** Disks it is made of: members of a device-mapper or RAID device, the disk of a partition. */
  readonly slaves: readonly string[];
  /** `[SWAP]` where it is swapped to. */
  readonly mountPoints: readonly string[];
  /** What else has it; `filesystem` is one that is mounted, in whichever mount namespace. */
  readonly claims: readonly {
    readonly by: "filesystem" | "zfs" | "scsi-target" | "nvme-target";
    readonly name?: string;
  }[];
}
