import { pciAddressFromParts, pciAddressParts, type PciAddress } from "../../../pci";
import { attribute, element, type XmlElement } from "./xml";

/**
 * The PCI function in `<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>`; undefined if it has
 * none.
 */
export function findAddress(address: XmlElement): PciAddress | undefined {
  const number = (name: string): number => Number(attribute(address, name) ?? "0");
  if (attribute(address, "bus") === undefined || attribute(address, "slot") === undefined) return undefined;
  try {
    return pciAddressFromParts({
      domain: number("domain"),
      bus: number("bus"),
      device: number("slot"),
      function: number("function"),
    });
  } catch {
    return undefined;
  }
}

/** The element of an address on the host. */
export function addressElement(hostAddress: PciAddress): XmlElement {
  const parts = pciAddressParts(hostAddress);
  const hex = (value: number, width: number): string => `0x${value.toString(16).padStart(width, "0")}`;
  return element("address", {
    domain: hex(parts.domain, 4),
    bus: hex(parts.bus, 2),
    slot: hex(parts.device, 2),
    function: hex(parts.function, 1),
  });
}
