import type { BeneathDevice } from "../host/facts";
import type { PciAddress } from "../pci";

/**
 * Something that may be regretted once a plan has been carried out: it is told in preview and inspection, and
 * is never refused. Its words are `describeWarnings`.
 */
export type Warning =
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
    };
