export { libvirtHypervisor, type LibvirtHypervisorOptions } from "./libvirt-hypervisor";
export { LibvirtSession, type StreamFactory } from "./libvirt-session";
