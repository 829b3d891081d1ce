export { libvirtHypervisor, type LibvirtHypervisorOptions } from "./libvirt-hypervisor";
export { LibvirtSession, type LibvirtUri, type OpenedCommand, type StreamFactory } from "./libvirt-session";
export { readRunningGuests, type RunningGuests } from "./running-guests";
