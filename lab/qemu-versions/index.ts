export { ensureForeignGuest, type ForeignArchitecture } from "./foreign-guest";
export { inTree, type InTree } from "./in-tree";
export { ensureTree, type QemuVersion } from "./tree";
