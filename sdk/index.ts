export { MultifunctionPciAttachment } from "./multifunction-pci-attachment";
export type { MultifunctionPciAttachmentArgs } from "./attachment-args";
export type { FunctionMappingArgs, GuestArgs, GuestSlotArgs, TimeoutsArgs } from "./attachment-args";
export type { ConnectionArgs } from "./connection-args";
export type { AttachedFunction, HeldFunction, Slot } from "./attachment-outputs";
