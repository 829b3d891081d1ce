import type { PciAddress } from "../../pci/address";

/** The kinds of what hangs below a PCI function, in the words of a report. */
export const BENEATH_KINDS = [
  ...(["interface", "disk", "display", "tty", "mdev", "vdpa", "tpm", "watchdog", "ipmi"] as const),
  ...(["thunderbolt", "rdma", "sound", "usb", "input"] as const),
];

export type BeneathKind = (typeof BENEATH_KINDS)[number];

/** A device of the host that is gone with the functions that it hangs below. */
export interface BeneathDevice {
  readonly kind: BeneathKind;
  /** The kernel's: `sdb`, `1-2`, `card0-HDMI-A-1`. */
  readonly name: string;
  /** What it calls itself, or the driver that has it: printable, and no longer than a line. */
  readonly detail?: string;
  /** Default: none. */
  readonly traits?: readonly BeneathTrait[];
  /** The USB device that it is a part of. */
  readonly within?: string;
  /** All functions on its path, the nearest first. */
  readonly hostAddresses: readonly PciAddress[];
}

/**
 * What is known of such a device. `lit`: it shows a picture; `connected`: a screen is on it; `boot`: the
 * firmware used it; `console`: the kernel writes there.
 */
export type BeneathTrait =
  "keyboard" | "mouse" | "storage" | "network" | "lit" | "connected" | "boot" | "console";
