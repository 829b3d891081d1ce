import type { AttachContext } from "../attach-context";
import type { Warning } from "../warning";

/**
 * Framebuffers that the firmware began keep their memory until somebody takes it from them, which VFIO does
 * from Linux 6.0 on (drivers/vfio/pci/vfio_pci_core.c: aperture_remove_conflicting_pci_devices).
 */
export function findBootDisplay({ observation, toTake }: AttachContext): Warning[] {
  const { kernelRelease, beneath } = observation;
  const [, major] = /^(\d{1,4})\./.exec(kernelRelease ?? "") ?? [];
  if (kernelRelease === undefined || major === undefined || Number(major) >= 6) return [];
  return toTake
    .filter((hostAddress) => beneath?.get(hostAddress)?.some((one) => one.traits?.includes("boot")))
    .map((hostAddress) => ({ kind: "boot-display", hostAddress, kernelRelease }));
}
