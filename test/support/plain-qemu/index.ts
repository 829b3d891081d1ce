export { BareQemu } from "./bare-qemu";
export { EmulatedVfio } from "./emulated-vfio";
export { connectGuest, GuestSide, type GuestEnds } from "./guest-side";
export { machines, type MachineName } from "./machine";
export { PlainHypervisor, type MonitoredQemu } from "./plain-hypervisor";
export { PlainQemu, untilExists, type PlainQemuOptions } from "./plain-qemu";
