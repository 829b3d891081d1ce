export type { HostChannels, HostCommand, Privilege } from "./host-channels";
export { findHolders } from "./holders";
export { limitCommands } from "./limited-commands";
export { HOST_FOLDERS, type HostFolders } from "./host-folders";
export {
  plainHypervisor,
  plainMonitor,
  type PlainHypervisorOptions,
  type PlainGuestLocator,
} from "./plain-hypervisor";
export type { QmpSession } from "./qmp-session";
export type { MadeIn } from "./socket-guest";
