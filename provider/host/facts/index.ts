export type { DiskClaim, DiskHolder, HostDisk } from "./disk-facts";
export { disksOn, findHostDevices, interfacesOn, type HostDevices } from "./host-devices";
export { parseHostFacts, type HostFacts, type HostInterface, type PhysicalFunction } from "./host-facts";
export { isVfioDriver, type HostFunction } from "./host-function";
export { parseNodeUse, usersOfNode, type NodeUse, type NodeUser } from "./node-use";
export type { Beneath } from "./ip-links";
export type { ListedFunction, PciListing } from "./pci-listing";
export type { UnreadPart } from "./unread-part";
export { turnedRound } from "./turned-round";
