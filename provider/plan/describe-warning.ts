import { listBeneath } from "./describe-beneath";
import type { Plan } from "./step";
import type { Warning } from "./warning";

/** What a plan warns of, a line each: the same words in the preview and in an inspection. */
export function describeWarnings({ warnings = [] }: Pick<Plan, "warnings">): string[] {
  return warnings.map((one) => `warning: ${describeWarning(one)}`);
}

function describeWarning(warning: Warning): string {
  switch (warning.kind) {
    case "usb-devices":
      return `the host loses the USB devices on ${warning.hostAddress}: ${listBeneath(warning.devices)}`;
    case "rdma-devices":
      return (
        `programs that use ${listBeneath(warning.devices)} of ${warning.hostAddress} are not seen: ` +
        'stop them first ("rdma resource show" lists them)'
      );
    case "boot-display":
      return (
        `the firmware's picture is on ${warning.hostAddress}, and Linux ${warning.kernelRelease} may keep its memory: if QEMU ` +
        "cannot reserve a BAR, boot the host with video=efifb:off (from Linux 6.0 on it lets go by itself)"
      );
  }
}
