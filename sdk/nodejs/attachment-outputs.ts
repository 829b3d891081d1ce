/** The guest's slot that the functions are in. */
export interface Slot {
  /** QEMU id of the bus: a root port ("pci.5") or a conventional bus ("pci.0"). */
  readonly bus: string;
  /** Slot on that bus, 0 to 31. */
  readonly slot: number;
  /** Which hotplug mechanism serves the slot. */
  readonly kind: "pcie-native" | "pcie-acpi" | "pci-acpi" | "pseries";
}

/** One function that the guest has. */
export interface AttachedFunction {
  /** Address on the host, `DDDD:BB:DD.F`. */
  readonly hostAddress: string;
  /** Function number in the guest's slot, 0 to 7. */
  readonly guestFunction: number;
  /**
   * Id of the device in QEMU. It is libvirt's alias where libvirt has plugged the function: alone, or at a
   * cold boot of a guest with a persistent attachment. That it is another one is by itself no difference.
   */
  readonly qemuId: string;
  /** PCI vendor id, four hexadecimal digits with `0x`. */
  readonly vendorId: string;
  /** PCI device id, four hexadecimal digits with `0x`. */
  readonly productId: string;
  /** Driver that the function had on the host before, and gets back; empty if it had none. */
  readonly hostDriver: string;
  /** Number of the function's IOMMU group on the host. */
  readonly iommuGroup: number;
}

/** One function that was taken from the host because of its IOMMU group, and is shown to nobody. */
export interface HeldFunction {
  /** Address on the host, `DDDD:BB:DD.F`. */
  readonly hostAddress: string;
  /** Driver that the function had on the host before, and gets back; empty if it had none. */
  readonly hostDriver: string;
  /** Number of the function's IOMMU group on the host. */
  readonly iommuGroup: number;
}

/**
 * What the guest has done with one function, by the registers that QEMU shows of it: `absent`, it answers
 * nothing, as long as it is not shown to the guest or while the card is being reset; `present`, no BAR has an
 * address; `enumerated`, the guest has given a BAR one; `driven`, a driver has switched on its memory and bus
 * mastering; `unknown`, nothing tells, as of a machine without PCI Express's configuration space, or of a
 * guest that is shut off.
 */
export type GuestState = "absent" | "present" | "enumerated" | "driven" | "unknown";
