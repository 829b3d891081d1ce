export { LibvirtClient, type DomainTarget, type LibvirtNodeDevice } from "./libvirt-client";
export { findUuidBytes, type DomainState, type LibvirtDomain } from "./domain";
export type { LifecycleEvent, MonitorEvent } from "./domain-events";
export type { Unsubscribe } from "./subscription";
export {
  LibvirtAuthenticationError,
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtErrorCode,
  LibvirtProtocolError,
} from "./errors";
