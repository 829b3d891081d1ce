export { findHolders } from "./holders";
export {
  plainHypervisor,
  plainMonitor,
  type PlainHypervisorOptions,
  type PlainGuestLocator,
} from "./plain-hypervisor";
export type { HostChannels, Privilege } from "./program/host-channels";
export { HOST_FOLDERS, type HostFolders } from "./program/host-folders";
export { HostSetupError } from "./program/host-program-errors";
export { HostRequests } from "./program/host-requests";
export type { QmpSession } from "./qmp-session";
export type { MadeIn } from "./socket-guest";
