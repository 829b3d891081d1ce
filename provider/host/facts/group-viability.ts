import { isVfioDriver, type HostFunction } from "./host-function";

/**
 * Whether a function leaves its IOMMU group usable for guests as it is.
 *
 * Up to Linux 5.18 a group is viable (drivers/vfio/vfio.c, vfio_dev_viable) if each member has no driver, one
 * of VFIO's or `pci-stub`, or is none that is addressed as an endpoint: by its header type, whatever its
 * driver. From 5.19 on (drivers/iommu/iommu.c, iommu_group_claim_dma_owner) the header type says nothing: a
 * driver has to leave DMA to others (`driver_managed_dma`), which those of VFIO's, `pci-stub` and `pcieport`
 * do, the last one also on an event collector that is no bridge.
 *
 * @param driver the one that it has, or goes back to
 * @param kernelRelease of the host; undefined where it is not told: judged as an old one's
 */
export function isHarmlessInGroup(
  { isBridge }: Pick<HostFunction, "isBridge">,
  driver: string | undefined,
  kernelRelease: string | undefined,
): boolean {
  if (driver === undefined || isVfioDriver(driver) || driver === "pci-stub") return true;
  return judgesByDriver(kernelRelease) ? driver === "pcieport" : isBridge;
}

/** Whether a kernel judges members by their drivers alone. */
function judgesByDriver(kernelRelease: string | undefined): boolean {
  return isKernelFrom(kernelRelease, [5, 19]);
}

/**
 * Whether a kernel is of this version of Linux or a later one; one that is not told is none.
 *
 * @param kernelRelease `6.12.48-amd64`
 */
export function isKernelFrom(
  kernelRelease: string | undefined,
  [major, minor]: readonly [major: number, minor: number],
): boolean {
  const [, first, second] = /^(\d{1,4})\.(\d{1,4})(?:\D|$)/.exec(kernelRelease ?? "") ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
