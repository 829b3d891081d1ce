import type { GuestEnumeration } from "../../apply";
import { isRecord } from "../../qmp";
import { isWithin } from "../is-within";

/**
 * Reads from query-pci's answer how the guest sees these devices: the bus number it has given to the
 * port, and whether every memory region is mapped. Buses that the guest has not numbered yet show
 * nothing, so that an empty view means "not yet", never "not there".
 */
export function findGuestEnumeration(queryPci: unknown, qemuIds: readonly string[]): GuestEnumeration {
  const ids = new Set(qemuIds);
  const found = listPciDevices(queryPci)
    .map(({ device }) => device)
    .filter(({ qdev_id: id }) => typeof id === "string" && ids.has(id));
  const [first] = found;
  if (first === undefined || found.length < qemuIds.length) return { guestConfigured: false };
  const { bus, slot } = first;
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  return {
    ...(isWithin(bus, 1, 255) && isWithin(slot, 0, 31) && { guestAddress: `0000:${hex(bus)}:${hex(slot)}` }),
    guestConfigured: found.every(isMapped),
  };
}

/**
 * Whether the guest has numbered the bus behind a port or bridge; undefined where query-pci shows no such
 * port: a root bus, or a port behind another one that has no number yet.
 */
export function isBusEnumerated(queryPci: unknown, bus: string): boolean | undefined {
  const port = listPciDevices(queryPci).find(({ device }) => device["qdev_id"] === bus);
  if (port === undefined) return undefined;
  const bridge = port.device["pci_bridge"];
  const numbers = isRecord(bridge) ? bridge["bus"] : undefined;
  return isRecord(numbers) && isWithin(numbers["secondary"], 1, 255);
}

/** A device that query-pci shows. */
export interface PciDevice {
  readonly device: Readonly<Record<string, unknown>>;
  /** What it says of the port or bridge that the device is behind; undefined on a root bus. */
  readonly bridge: Readonly<Record<string, unknown>> | undefined;
}

/** The devices of all buses, those behind bridges included, however deep. */
export function listPciDevices(queryPci: unknown): PciDevice[] {
  const found: PciDevice[] = [];
  const buses: unknown[] = Array.isArray(queryPci) ? [...(queryPci as unknown[])] : [];
  for (let bus = buses.pop(); bus !== undefined; bus = buses.pop()) {
    if (!isRecord(bus) || !Array.isArray(bus["devices"])) continue;
    const bridge = isRecord(bus["bus"]) ? bus["bus"] : undefined;
    for (const device of (bus["devices"] as unknown[]).filter(isRecord)) {
      found.push({ device, bridge });
      if (isRecord(device["pci_bridge"])) buses.push(device["pci_bridge"]);
    }
  }
  return found;
}

/** QEMU's number of the expansion ROM among the regions. */
const ROM_REGION = 6;

/**
 * QEMU shows an unmapped region with the address -1. Only memory counts: a guest maps the ROM for a moment
 * at the most, and behind a root port it often gives no I/O ports at all.
 */
function isMapped(device: PciDevice["device"]): boolean {
  const regions = device["regions"];
  return Array.isArray(regions) && memoryRegions(device).every(hasAddress);
}

/** Whether the guest has mapped any memory of a device: one without memory never shows it. */
export function hasMappedRegion(device: PciDevice["device"]): boolean {
  return memoryRegions(device).some(hasAddress);
}

function memoryRegions({ regions }: PciDevice["device"]): Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(regions)) return [];
  return (regions as unknown[])
    .filter(isRecord)
    .filter((region) => region["type"] === "memory" && region["bar"] !== ROM_REGION);
}

function hasAddress({ address }: Readonly<Record<string, unknown>>): boolean {
  return typeof address === "number" && address >= 0;
}
