import type { PciAddress } from "./address";

/** One PCI function of the host, as the host shows it now. */
export interface HostFunction {
  readonly address: PciAddress;
  /** Four hexadecimal digits after `0x`, as libvirt and sysfs write it. */
  readonly vendorId: string;
  readonly productId: string;
  /** Kernel driver bound to it now; undefined if none is. */
  readonly driver?: string;
  /** Undefined where the host has no IOMMU for it. */
  readonly iommuGroup?: number;
  /** A PCI bridge: part of a group, never assignable, and no obstacle to the others. */
  readonly isBridge: boolean;
}

/** Driver of a function that is given to guests. */
export const VFIO_DRIVER = "vfio-pci";

/** Whether a driver is one that gives functions to guests: vfio-pci, or a vendor's variant of it (`mlx5_vfio_pci`). */
export function isVfioDriver(driver: string | undefined): boolean {
  return driver !== undefined && /vfio[-_]pci$/.test(driver);
}
