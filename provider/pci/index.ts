export {
  compareAddresses,
  findPciAddress,
  findPciSlotAddress,
  functionNumberOf,
  FUNCTIONS_PER_SLOT,
  isAddressable,
  pciAddressFromParts,
  pciAddressOf,
  pciAddressParts,
  slotOf,
  type PciAddress,
  type PciAddressParts,
  type PciSlotAddress,
} from "./address";
export { defaultFunctionMap, isSameFunctionMap, type FunctionMapping } from "./function-map";
export {
  classifyBus,
  countFreeSlots,
  findFreeSlot,
  isAcpiSlot,
  isExpressPort,
  isSlotFree,
  slotKinds,
  type BusFacts,
  type BusHotplug,
  type GuestBus,
  type GuestSlot,
  type SlotKind,
  type SlotOccupant,
} from "./guest-slot";
export {
  expectedHotplug,
  makesHotplugBus,
  type ConfiguredBusFacts,
  type ConfiguredMachine,
} from "./expected-hotplug";
export { hasRomOptions, isSameRom, romOptionsOf, type RomOptions } from "./rom-options";
