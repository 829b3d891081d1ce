export { libvirtHypervisor, type LibvirtHypervisorOptions } from "./libvirt-hypervisor";
export { lookAtRunningGuests, type RunningGuests } from "./running-guests";
export { LibvirtSession, type LibvirtUri, type StreamFactory } from "./libvirt-session";
