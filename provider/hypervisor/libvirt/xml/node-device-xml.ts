import { providerError } from "../../../errors";
import { bridgeFacts, type HostFunction } from "../../../host/facts";
import type { PciAddress } from "../../../pci";
import { findAddress } from "./address-xml";
import { attribute, child, children, element, parseXml, textOf } from "./xml";

/** A function of the host, with its IOMMU group's members. */
export interface NodeDeviceDescription {
  readonly function: HostFunction;
  readonly groupMembers: readonly PciAddress[];
}

/**
 * Most functions of one IOMMU group. A group without isolation may span a whole bus with its virtual
 * functions, some hundreds; each of them is looked at.
 */
export const MAX_GROUP_MEMBERS = 1_024;

/** libvirt's name of a function: `pci_0000_01_00_0`. */
export function nodeDeviceName(hostAddress: PciAddress): string {
  return `pci_${hostAddress.replace(/[:.]/g, "_")}`;
}

/**
 * Reads the XML of a PCI node device.
 *
 * @throws ProviderError XML_UNREADABLE, also where the number of the IOMMU group is none
 */
export function parseNodeDeviceXml(text: string, hostAddress: PciAddress): NodeDeviceDescription {
  const what = `the description of host function ${hostAddress}`;
  const device = child(parseXml(text, what), "device");
  const capability =
    children(device, "capability").find((one) => attribute(one, "type") === "pci") ?? element("capability");
  const group = child(capability, "iommuGroup");
  const groupNumber = attribute(group, "number");
  if (groupNumber !== undefined && !/^\d{1,9}$/.test(groupNumber))
    throw providerError("XML_UNREADABLE", { what, reason: "the number of its IOMMU group is none" });
  const members = children(group, "address");
  if (members.length > MAX_GROUP_MEMBERS)
    throw providerError("XML_UNREADABLE", {
      what,
      reason: `its IOMMU group has ${members.length} members, at most ${MAX_GROUP_MEMBERS} are looked at`,
    });
  const driver = textOf(child(device, "driver", "name"));
  // libvirt's words for header types 1 and 2 (src/util/virpci.c, virPCIHeader); 0 has none
  const isBridge = children(capability, "capability").some((one) =>
    ["pci-bridge", "cardbus-bridge"].includes(attribute(one, "type") ?? ""),
  );
  const classCode = textOf(child(capability, "class")) ?? "";
  return {
    function: {
      hostAddress,
      vendorId: attribute(child(capability, "vendor"), "id") ?? "",
      productId: attribute(child(capability, "product"), "id") ?? "",
      ...bridgeFacts(isBridge, classCode),
      ...(driver !== undefined && { driver }),
      ...(groupNumber !== undefined && { iommuGroup: Number(groupNumber) }),
    },
    groupMembers: members.flatMap((one) => findAddress(one) ?? []),
  };
}
