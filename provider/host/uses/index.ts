export type { HostFacts, DiskFacts, InterfaceFacts } from "./host-needs";
export { findHostUses, type HostUse } from "./host-use";
export { turnedRound } from "./stack";
