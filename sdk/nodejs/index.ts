export { MultifunctionPciAttachment } from "./multifunction-pci-attachment";
export type { MultifunctionPciAttachmentArgs } from "./attachment-args";
export type { FunctionMappingArgs, GuestArgs, GuestSlotArgs, TimeoutsArgs } from "./attachment-args";
export type { ConnectionArgs } from "./connection-args";
export type { AttachedFunction, GuestState, HeldFunction, Slot } from "./attachment-outputs";
export { getPciDevices, getPciDevicesOutput } from "./get-pci-devices";
export type { GetPciDevicesArgs, GetPciDevicesOutputArgs } from "./get-pci-devices";
export type {
  AttachAnswer,
  AttachRefusal,
  PciBeneath,
  PciDevice,
  PciDevices,
  PciFunction,
  PciGuest,
  PciGuestAttachment,
  PciGuestBus,
  PciHolder,
  PciGroupMember,
  PciGuestIdentity,
  PciHost,
  PciIommuGroup,
} from "./pci-devices";
