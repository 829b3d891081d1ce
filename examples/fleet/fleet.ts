/** One device for one guest. */
export interface Row {
  /**
   * Host alias, as `ssh` knows it: address, user, key and host key are in `~/.ssh/config` and known_hosts.
   */
  readonly host: string;
  /** Name of the libvirt domain on that host. */
  readonly guest: string;
  /** Slot of the host device. */
  readonly device: string;
  /** Function numbers. Default: all that the device has. */
  readonly functions?: number[];
  /**
   * Where a guest cannot have the whole IOMMU group: what becomes of the rest. Default: an error that names
   * it.
   */
  readonly leftovers?: "refuse" | "hold";
}

export const fleet: readonly Row[] = [
  { host: "hv1", guest: "guest1", device: "0000:01:00" },
  { host: "hv1", guest: "guest1", device: "0000:00:08" },
  { host: "hv2", guest: "guest2", device: "0000:02:00", functions: [0, 1], leftovers: "hold" },
];
