import type { PciAddress } from "../../pci";
import { addressAttributes } from "./address-xml";
import { writeXml } from "./xml";

/**
 * A hostdev that libvirt holds for the guest (vfio-pci, device node, cgroup, label, memlock) and does not
 * show to it: with the address type `unassigned` there is no device_add (libvirt from 8.3 also live).
 */
export function unassignedHostdev(address: PciAddress, alias: string): string {
  return writeXml({
    hostdev: {
      "@mode": "subsystem",
      "@type": "pci",
      "@managed": "yes",
      driver: { "@name": "vfio" },
      source: { address: addressAttributes(address) },
      alias: { "@name": alias },
      address: { "@type": "unassigned" },
    },
  });
}
