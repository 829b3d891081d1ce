import type { PciAddress } from "../../pci/address";

/** One PCI function of the host, as the host shows it now. */
export interface HostFunction {
  readonly hostAddress: PciAddress;
  /** Four hexadecimal digits after `0x`, as libvirt and sysfs write it. */
  readonly vendorId: string;
  readonly productId: string;
  /** Kernel driver bound to it now; undefined if none is. */
  readonly driver?: string;
  /** The one driver that may have it, an administrator's word (driverctl); undefined if any may. */
  readonly driverOverride?: string;
  /** Undefined where the host has no IOMMU for it. */
  readonly iommuGroup?: number;
  /**
   * By its header type, as the kernel has it (1 or 2): part of a group, never assignable. The class does not
   * tell: an ISA bridge, a switch's management function and a non-transparent bridge are endpoints.
   */
  readonly isBridge: boolean;
  /**
   * By its class, a bridge that the machine itself is made of (host, ISA, LPC). To the kernel it is an
   * endpoint like any other; it is never taken from the host. Default: false.
   */
  readonly isMachineBridge?: boolean;
}

/**
 * Whether a driver is one that gives functions to guests: vfio-pci, or a vendor's variant of it. Variants are
 * made of the kernel's vfio-pci-core, and each has the word in its name: `mlx5_vfio_pci`,
 * `hisi_acc_vfio_pci`, `pds_vfio_pci`, `qat_vfio_pci`, `virtio_vfio_pci`, `nvgrace_gpu_vfio_pci`,
 * `xe_vfio_pci` (Linux drivers/vfio/pci), out of the kernel `ice_vfio_pci`. libvirt looks for the directory
 * `vfio-dev` of the function in sysfs (src/util/virpci.c, virPCIDeviceGetCurrentDriverNameAndType), but tells
 * the name alone.
 */
export function isVfioDriver(driver: string | undefined): driver is `${string}vfio${string}` {
  return driver !== undefined && /(?:^|[-_])vfio(?:[-_]|$)/.test(driver);
}

/** Bridges are not given to guests, and those of the machine itself are not taken from the host. */
export function isAnyBridge({
  isBridge,
  isMachineBridge = false,
}: Pick<HostFunction, "isBridge" | "isMachineBridge">): boolean {
  return isBridge || isMachineBridge;
}
