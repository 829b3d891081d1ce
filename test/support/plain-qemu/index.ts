export { PlainHypervisor } from "./plain-hypervisor";
export { PlainQemu, type PlainQemuOptions } from "./plain-qemu";
