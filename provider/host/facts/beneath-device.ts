import type { PciAddress } from "../../pci/address";

/** The kinds of what hangs below a PCI function, in the words of a report and the order of their weight. */
export const BENEATH_KINDS = [
  ...(["interface", "disk", "display", "tty", "mdev", "vdpa", "tpm", "watchdog", "ipmi"] as const),
  ...(["thunderbolt", "rdma", "sound", "usb", "input"] as const),
];

/** One of {@link BENEATH_KINDS}. */
export type BeneathKind = (typeof BENEATH_KINDS)[number];

/** A device of the host that is gone with the functions that it hangs below. */
export interface BeneathDevice {
  readonly kind: BeneathKind;
  /** The kernel's: `sdb`, `1-2`, `card0-HDMI-A-1`; `VGA` for what the firmware began with. */
  readonly name: string;
  /** What it calls itself, or the driver that has it: printable, and no longer than a few words. */
  readonly detail?: string;
  /** Default: none. */
  readonly traits?: readonly BeneathTrait[];
  /** The USB device that it is a part of. */
  readonly within?: string;
  /** All functions on its path, the nearest first. */
  readonly hostAddresses: readonly PciAddress[];
}

/** All {@link BeneathTrait}s. */
export const BENEATH_TRAITS = [
  ...(["keyboard", "mouse", "storage", "network", "connected", "lit", "boot", "console"] as const),
];

/**
 * What is known of such a device. `connected`: a screen is on it; `lit`: it has a picture; `boot`: the
 * firmware showed its own there; `console`: the kernel writes there.
 */
export type BeneathTrait = (typeof BENEATH_TRAITS)[number];
