export { libvirtHypervisor, type LibvirtHypervisorOptions } from "./libvirt-hypervisor";
export { readRunningGuests, type RunningGuests } from "./running-guests";
export { LibvirtSession, type LibvirtUri, type StreamFactory } from "./libvirt-session";
