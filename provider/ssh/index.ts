export { parsePrivateKey, type PrivateKeyText } from "./auth/private-key";
export { OpensshConfig, type OpensshAnswer } from "./config/openssh-config";
export type { OpensshSettings } from "./config/openssh-settings";
export type { Jump } from "./config/proxy-jump";
export {
  PROGRAM_SOURCES,
  type CredentialSources,
  type SshTarget,
  type StrictHostKeyChecking,
} from "./config/target";
export { namesHosts, parseHostKeyArgument, type KnownHostsPlace } from "./host-key/host-key-argument";
export type { SshConnection } from "./transport/connection";
export { SshPool } from "./transport/pool";
export type { SshProcess, SshExit } from "./transport/process";
