export { HostHelper, type HeldLocks, type HelperHost, type LockWaiting } from "./host-helper";
