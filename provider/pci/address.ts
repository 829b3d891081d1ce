declare const pciAddressBrand: unique symbol;
declare const pciSlotBrand: unique symbol;

/**
 * Address of one host function in canonical form: `DDDD:BB:DD.F`, lower-case hexadecimal, as sysfs writes it.
 */
export type PciAddress = string & { readonly [pciAddressBrand]: true };

/** Address of one host slot (all functions of a device) in canonical form: `DDDD:BB:DD`. */
export type PciSlotAddress = string & { readonly [pciSlotBrand]: true };

/** The numbers in a {@link PciAddress}. */
export interface PciAddressParts {
  readonly domain: number;
  readonly bus: number;
  readonly device: number;
  readonly function: number;
}

/** A PCI slot has eight functions at the most (without ARI, which QEMU's hotplug cannot address). */
export const FUNCTIONS_PER_SLOT = 8;

const slotPattern = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([01][0-9a-f])$/;
const functionPattern = /^(.+)\.([0-7])$/;

/**
 * The slot that a text names, short (`01:00`) or long (`0000:01:00`) and in either case; undefined if it is
 * none.
 */
export function findPciSlotAddress(text: string): PciSlotAddress | undefined {
  const match = slotPattern.exec(text.toLowerCase());
  if (!match) return undefined;
  const domain = (match[1] ?? "").replace(/^0+/, "").padStart(4, "0");
  return `${domain}:${match[2]}:${match[3]}` as PciSlotAddress;
}

/** The function that a text names, short (`01:00.0`) or long (`0000:01:00.0`); undefined if it is none. */
export function findPciAddress(text: string): PciAddress | undefined {
  const match = functionPattern.exec(text);
  const slot = match?.[1] === undefined ? undefined : findPciSlotAddress(match[1]);
  return slot === undefined || match?.[2] === undefined
    ? undefined
    : pciAddressOf(slot, Number.parseInt(match[2], 10));
}

/** The address of one function of a slot. */
export function pciAddressOf(slot: PciSlotAddress, functionNumber: number): PciAddress {
  if (!Number.isInteger(functionNumber) || functionNumber < 0 || functionNumber >= FUNCTIONS_PER_SLOT)
    throw new RangeError(`PCI function number out of range: ${functionNumber}`);
  return `${slot}.${functionNumber}` as PciAddress;
}

/** The slot of a function. */
export function slotOf(address: PciAddress): PciSlotAddress {
  return address.slice(0, address.lastIndexOf(".")) as PciSlotAddress;
}

/** The function number within its slot, 0 to 7. */
export function functionNumberOf(address: PciAddress): number {
  return Number.parseInt(address.slice(address.lastIndexOf(".") + 1), 10);
}

/** Whether QEMU takes it: its `host=` has four digits for the domain, and Intel VMD makes longer ones. */
export function isAddressable(address: PciAddress | PciSlotAddress): boolean {
  return address.indexOf(":") === 4;
}

/** The address as numbers, for writers of XML attributes. */
export function pciAddressParts(address: PciAddress): PciAddressParts {
  const [domain = "", bus = "", rest = ""] = address.split(":");
  const [device = "", fn = ""] = rest.split(".");
  return {
    domain: Number.parseInt(domain, 16),
    bus: Number.parseInt(bus, 16),
    device: Number.parseInt(device, 16),
    function: Number.parseInt(fn, 10),
  };
}

/** The address of these numbers; throws RangeError where one is out of range. */
export function pciAddressFromParts(parts: PciAddressParts): PciAddress {
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, "0");
  const text = `${hex(parts.domain, 4)}:${hex(parts.bus, 2)}:${hex(parts.device, 2)}.${parts.function}`;
  const address = findPciAddress(text);
  if (address === undefined) throw new RangeError(`not a PCI address: ${text}`);
  return address;
}

/**
 * Host order: by domain, bus, device, function (for Array.sort). In canonical form the longer address has the
 * larger domain, and addresses of one length are in the order of their texts.
 */
export function compareAddresses(a: PciAddress, b: PciAddress): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
