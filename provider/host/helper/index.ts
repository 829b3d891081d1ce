export type { HostSession, HostLock } from "./host-helper";
