import { type HostFunction, type PciAddress } from "../../pci";
import { findAddress } from "./address-xml";
import { attribute, child, children, parseXml, textOf } from "./xml";

/** A function of the host, with its IOMMU group's members. */
export interface NodeDeviceDescription {
  readonly function: HostFunction;
  readonly groupMembers: readonly PciAddress[];
}

/** PCI base class of bridges. */
const BRIDGE_CLASS = 0x06;

/** libvirt's name of a function: `pci_0000_01_00_0`. */
export function nodeDeviceName(address: PciAddress): string {
  return `pci_${address.replace(/[:.]/g, "_")}`;
}

/** Reads the XML of a PCI node device. */
export function parseNodeDeviceXml(text: string, address: PciAddress): NodeDeviceDescription {
  const device = child(parseXml(text, "the description of a host device"), "device");
  const capability = children(device, "capability").find((one) => attribute(one, "type") === "pci");
  const group = child(capability, "iommuGroup");
  const groupNumber = attribute(group, "number");
  const driver = textOf(child(device, "driver", "name"));
  const isBridge =
    Number(textOf(child(capability, "class")) ?? "0") >> 16 === BRIDGE_CLASS ||
    children(capability, "capability").some((one) => attribute(one, "type") === "pci-bridge");
  return {
    function: {
      address,
      vendorId: attribute(child(capability, "vendor"), "id") ?? "",
      productId: attribute(child(capability, "product"), "id") ?? "",
      isBridge,
      ...(driver !== undefined && { driver }),
      ...(groupNumber !== undefined && { iommuGroup: Number(groupNumber) }),
    },
    groupMembers: children(group, "address").flatMap((one) => findAddress(one) ?? []),
  };
}
