export type { HostDisk, DiskHolder, DiskClaim } from "./disk-facts";
export { disksOn, findHostDevices, interfacesOn, listDevices } from "./host-devices";
export type { HostFacts, HostInterface, PhysicalFunction } from "./host-facts";
export { isVfioDriver, type HostFunction } from "./host-function";
export type { ListedFunction, PciListing } from "./pci-listing";
