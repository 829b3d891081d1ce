export {
  PROGRAM_SOURCES,
  type CredentialSources,
  type SshTarget,
  type StrictHostKeyChecking,
} from "./target";
export { OpensshConfig, type OpensshAnswer } from "./openssh-config";
export type { OpensshSettings } from "./openssh-settings";
export type { Jump } from "./proxy-jump";
export { SshPool } from "./pool";
export type { SshConnection } from "./connection";
export type { SshProcess, SshExit } from "./process";
export type { HostSession, HostLock } from "./host-session";
export type { HostFacts, HostInterface, PhysicalFunction } from "./host-survey";
export type { ListedFunction, PciListing } from "./pci-listing";
export type { HostDisk, DiskHolder, DiskClaim } from "./host-survey-disks";
export { namesHosts, parseHostKeyArgument, type KnownHostsPlace } from "./host-key-argument";
export { parsePrivateKey, type PrivateKeyText } from "./private-key";
