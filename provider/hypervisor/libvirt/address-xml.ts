import { pciAddressFromParts, pciAddressParts, type PciAddress } from "../../pci";
import { attribute, type XmlElement } from "./xml";

/** The PCI function in `<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>`; undefined if it has none. */
export function findAddress(element: XmlElement): PciAddress | undefined {
  const number = (name: string): number => Number(attribute(element, name) ?? "0");
  if (attribute(element, "bus") === undefined || attribute(element, "slot") === undefined) return undefined;
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

/** The attributes of an address element. */
export function addressAttributes(address: PciAddress): XmlElement {
  const parts = pciAddressParts(address);
  const hex = (value: number, width: number): string => `0x${value.toString(16).padStart(width, "0")}`;
  return {
    "@domain": hex(parts.domain, 4),
    "@bus": hex(parts.bus, 2),
    "@slot": hex(parts.device, 2),
    "@function": hex(parts.function, 1),
  };
}
