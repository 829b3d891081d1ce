export type { LifecycleEvent, MonitorEvent } from "./domain-events";
export { findUuidBytes, type DomainState, type DomainStateInfo, type LibvirtDomain } from "./domain";
export {
  LibvirtAuthenticationError,
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtErrorCode,
  LibvirtProtocolError,
} from "./errors";
export { LibvirtClient, type DomainTarget, type LibvirtNodeDevice } from "./libvirt-client";
export type { Unsubscribe } from "./subscription";
export { isLibvirtError, undefinedOnError } from "./undefined-on-error";
