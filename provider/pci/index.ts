export {
  compareAddresses,
  findPciAddress,
  findPciSlotAddress,
  functionNumberOf,
  FUNCTIONS_PER_SLOT,
  pciAddressFromParts,
  pciAddressOf,
  pciAddressParts,
  slotOf,
  type PciAddress,
  type PciAddressParts,
  type PciSlotAddress,
} from "./address";
export { defaultFunctionMap, isSameFunctionMap, type FunctionMapping } from "./function-map";
export { isVfioDriver, type HostFunction } from "./host-function";
export { hasRomOptions, isSameRom, romOptionsOf, type RomOptions } from "./rom-options";
export { disksOn, findHostDevices, interfacesOn, listDevices } from "./host-devices";
export type { HostFacts, DiskFacts, InterfaceFacts } from "./host-survey";
export { findHostUses, type HostUse } from "./host-use";
export { turnedRound } from "./stack";
export {
  classifyBus,
  countFreeSlots,
  findFreeSlot,
  isAcpiSlot,
  isExpressPort,
  isSlotFree,
  type BusFacts,
  type BusHotplug,
  type GuestBus,
  type GuestSlot,
  type SlotKind,
  type SlotOccupant,
} from "./guest-slot";
