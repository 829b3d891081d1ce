export type { BeneathDevice, BeneathKind, BeneathTrait } from "./beneath-device";
export { findBeneath, type BeneathLook } from "./beneath-facts";
export type { DiskClaim, DiskHolder, HostDisk } from "./disk-facts";
export { functionsOf, type OnPath } from "./functions-on-path";
export {
  keysToAsk,
  withPlaces,
  parsePlaces,
  type DevicePlace,
  type DeviceUser,
  type GuestDevice,
  type GuestDeviceKind,
  type GuestDevices,
  type LocatedGuestDevice,
  type PlacesByKey,
} from "./guest-devices";
export { disksOn, findHostDevices, interfacesOn, type HostDevices } from "./host-devices";
export { parseHostFacts, type HostFacts, type HostInterface, type PhysicalFunction } from "./host-facts";
export { parseFunctionFacts, type FunctionFact, type FunctionFacts } from "./function-facts";
export { isHarmlessInGroup, isKernelFrom } from "./group-viability";
export { isAnyBridge, isVfioDriver, type HostFunction } from "./host-function";
export { parseNodeUse, usersOfNode, type NodeUse, type NodeUser } from "./node-use";
export type { Beneath } from "./ip-links";
export { isVfioNode, type HostProcess, type ModuleUse, type OpenNode } from "./open-files";
export { bridgeFacts, isBridgeFunction } from "./header-type";
export type { ListedFunction, PciListing } from "./pci-listing";
export type { FunctionUser } from "./function-users";
export type { UnreadPart } from "./unread-part";
export { isVolumeManagement } from "./volume-management";
export { turnedRound } from "./turned-round";
