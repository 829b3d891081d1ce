export { parsePrivateKey, type PrivateKeyText } from "./keys/private-key";
export { OpensshConfig, type OpensshAnswer, type OpensshQuestion } from "./config/openssh-config";
export type { OpensshSettings } from "./config/openssh-settings";
export type { Jump } from "./config/proxy-jump";
export {
  labelOf,
  poolKeyOf,
  type CredentialSources,
  type SshTarget,
  type StrictHostKeyChecking,
} from "./config/target";
export { namesHosts, parseHostKeyArgument, type KnownHost } from "./host-key/host-key-argument";
export type { SshConnection } from "./transport/connection";
export { SshPool } from "./transport/pool";
export type { SshProcess, SshExit } from "./transport/process";
