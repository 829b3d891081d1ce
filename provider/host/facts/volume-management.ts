import type { HostFunction } from "./host-function";

/** Products of Intel's that the kernel's driver knows (Linux, drivers/pci/controller/vmd.c: vmd_ids). */
const VMD_PRODUCTS = new Set([
  ...["0x201d", "0x28c0", "0x467f", "0x4c3d", "0xa77f", "0x7d0b", "0xad0b", "0x9a0b", "0xb60b", "0xb06f"],
]);

/**
 * Whether a function is Intel's Volume Management Device: to the kernel an endpoint, and behind it a PCI
 * domain of its own with the host's NVMe disks, which are gone when its driver loses it.
 */
export function isVolumeManagement({
  vendorId,
  productId,
  driver,
}: Pick<HostFunction, "vendorId" | "productId" | "driver">): boolean {
  return driver === "vmd" || (vendorId === "0x8086" && VMD_PRODUCTS.has(productId));
}
