import type { BeneathDevice } from "../host/facts";
import type { WayThroughGuest } from "../host/uses";
import type { PciAddress } from "../pci";
import type { KnownReset } from "./warnings/known-resets";

/**
 * Something that may be regretted once a plan has been carried out: it is told in preview and inspection, and
 * is never refused. Its words are `describeWarnings`.
 */
export type Warning =
  | ResetWarning
  | {
      /** Users have reported that its reset is none. */
      readonly kind: "known-reset";
      readonly hostAddress: PciAddress;
      readonly known: KnownReset;
    }
  | {
      /** The host loses USB devices with the function: a keyboard may be its only one. */
      readonly kind: "usb-devices";
      readonly hostAddress: PciAddress;
      readonly devices: readonly BeneathDevice[];
    }
  | {
      /** Programs may use the function by RDMA, which the host does not tell without a program of its own. */
      readonly kind: "rdma-devices";
      readonly hostAddress: PciAddress;
      readonly devices: readonly BeneathDevice[];
    }
  | {
      /** The kernel does not let go of the picture that the firmware began with (before Linux 6.0). */
      readonly kind: "boot-display";
      readonly hostAddress: PciAddress;
      readonly kernelRelease: string;
    }
  | {
      /** Guests that are shut off have functions in their configurations, and do not start meanwhile. */
      readonly kind: "configured-elsewhere";
      readonly guests: readonly { readonly name: string; readonly functions: readonly PciAddress[] }[];
    }
  | (WayThroughGuest & {
      /** This SSH connection may end with what the guest loses. */
      readonly kind: "disconnects";
      readonly guest: string;
    });

/** Functions that may go to the next guest as the last one left them. */
export interface ResetWarning {
  readonly kind: "weak-reset";
  /** How they are reset: by nothing, or by their power state alone. */
  readonly by: "nothing" | "power-state";
  readonly hostAddresses: readonly PciAddress[];
  /** What else is on their bus, and keeps the bus from being reset; empty on a root bus, which never is. */
  readonly staying: readonly PciAddress[];
  /** Whether `leftovers: "hold"` would take those as well. */
  readonly canHold: boolean;
}
