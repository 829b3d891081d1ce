export { BareQemu } from "./bare-qemu";
export { EmulatedVfio } from "./emulated-vfio";
export { PlainHypervisor } from "./plain-hypervisor";
export { PlainQemu, type PlainQemuOptions } from "./plain-qemu";
