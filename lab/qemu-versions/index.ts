export { ensureForeignGuest, type ForeignArchitecture } from "./foreign-guest";
export { inTree, type InTree } from "./in-tree";
export { ensureTree, QEMU_RELEASES, type QemuVersion } from "./tree";
