import { hasRomOptions, type PciAddress, type RomOptions } from "../../../pci";
import type { ConfiguredFunction } from "../../../plan";
import { addressElement } from "./address-xml";
import { element, writeXml, type XmlElement } from "./xml";

/**
 * A hostdev that libvirt holds for the guest (vfio-pci, device node, cgroup, label, memlock) and does not
 * show to it: with the address type `unassigned` there is no device_add (libvirt from 8.3 also live).
 */
export function unassignedHostdev(hostAddress: PciAddress, alias: string, vfioDriver?: string): string {
  return hostdev(
    { hostAddress, alias, ...(vfioDriver !== undefined && { vfioDriver }) },
    { type: "unassigned" },
  );
}

/**
 * The same function as the guest's configuration has it, with its real address in the guest, or unassigned.
 *
 * @param busNumber number of that address's bus in this guest's XML.
 * @param isMultifunction whether the slot has other functions, which is said of function 0 alone.
 */
export function configuredHostdev(
  { guestAddress, ...configured }: ConfiguredFunction,
  busNumber: number,
  isMultifunction: boolean,
  managed: "yes" | "no" = "yes",
): string {
  if (guestAddress === undefined) return hostdev(configured, { type: "unassigned" });
  const hex = (value: number, width: number): string => `0x${value.toString(16).padStart(width, "0")}`;
  const address = {
    type: "pci",
    domain: "0x0000",
    bus: hex(busNumber, 2),
    slot: hex(guestAddress.slot, 2),
    function: hex(guestAddress.guestFunction, 1),
    ...(guestAddress.guestFunction === 0 && isMultifunction && { multifunction: "on" }),
  };
  return hostdev(configured, address, managed);
}

/**
 * A function that is on vfio-pci already, alone in its slot; libvirt leaves it there when QEMU has let go of
 * it.
 *
 * @param busNumber as above
 */
export function steppingStoneHostdev(one: ConfiguredFunction, busNumber: number): string {
  return configuredHostdev(one, busNumber, false, "no");
}

/**
 * From 10.0 on libvirt binds the variant of vfio-pci that the kernel has for a function, unless `model` names
 * another; what it has bound it gives to a driver of the host's at the release. Older ones pass over `model`.
 */
function hostdev(
  { hostAddress, alias, vfioDriver, ...rest }: Omit<ConfiguredFunction, "guestAddress">,
  address: Readonly<Record<string, string>>,
  managed: "yes" | "no" = "yes",
): string {
  return writeXml(
    element("hostdev", { mode: "subsystem", type: "pci", managed }, [
      element("driver", { name: "vfio", model: vfioDriver }),
      element("source", {}, [addressElement(hostAddress)]),
      ...romElements(rest),
      element("alias", { name: alias }),
      element("address", address),
    ]),
  );
}

function romElements(options: RomOptions): XmlElement[] {
  if (!hasRomOptions(options)) return [];
  const { romFile, romBar } = options;
  const bar = romBar === undefined ? undefined : romBar ? "on" : "off";
  return [element("rom", { bar, file: romFile })];
}
