import type { PciAddress } from "../../pci";
import type { ConfiguredFunction } from "../../plan";
import { addressAttributes } from "./address-xml";
import { writeXml, type XmlElement } from "./xml";

/**
 * A hostdev that libvirt holds for the guest (vfio-pci, device node, cgroup, label, memlock) and does not
 * show to it: with the address type `unassigned` there is no device_add (libvirt from 8.3 also live).
 */
export function unassignedHostdev(address: PciAddress, alias: string): string {
  return hostdev(address, alias, { "@type": "unassigned" });
}

/**
 * The same function as the guest's configuration has it, with its real place in the guest, or unassigned.
 *
 * @param busNumber number of the place's bus in addresses of this guest's XML.
 * @param isMultifunction whether the slot has other functions, which is said of function 0 alone.
 */
export function configuredHostdev(
  { address, alias, place }: ConfiguredFunction,
  busNumber: number,
  isMultifunction: boolean,
): string {
  if (place === undefined) return unassignedHostdev(address, alias);
  const hex = (value: number, width: number): string => `0x${value.toString(16).padStart(width, "0")}`;
  return hostdev(address, alias, {
    "@type": "pci",
    "@domain": "0x0000",
    "@bus": hex(busNumber, 2),
    "@slot": hex(place.slot, 2),
    "@function": hex(place.guestFunction, 1),
    ...(place.guestFunction === 0 && isMultifunction && { "@multifunction": "on" }),
  });
}

function hostdev(address: PciAddress, alias: string, guestAddress: XmlElement): string {
  return writeXml({
    hostdev: {
      "@mode": "subsystem",
      "@type": "pci",
      "@managed": "yes",
      driver: { "@name": "vfio" },
      source: { address: addressAttributes(address) },
      alias: { "@name": alias },
      address: guestAddress,
    },
  });
}
