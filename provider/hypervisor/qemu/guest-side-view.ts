import type { GuestSideView } from "../../lifecycle";
import { isRecord } from "../../qmp";

/**
 * Reads from query-pci's answer how the guest sees these devices: the bus number it has given to the
 * port, and whether every memory region is mapped. Buses that the guest has not numbered yet show
 * nothing (qemu.md 1.7), so that an empty view means "not yet", never "not there".
 */
export function findGuestSideView(queryPci: unknown, qemuIds: readonly string[]): GuestSideView {
  const wanted = new Set(qemuIds);
  const found = pciDevices(queryPci).filter(({ qdev_id: id }) => typeof id === "string" && wanted.has(id));
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
 * Whether the guest has numbered the bus behind a port or bridge; a root bus is not behind one, and has its number
 * always.
 */
export function isBusNumbered(queryPci: unknown, bus: string): boolean {
  const bridge = pciDevices(queryPci).find(({ qdev_id: id }) => id === bus)?.["pci_bridge"];
  const numbers = isRecord(bridge) ? bridge["bus"] : undefined;
  return !isRecord(numbers) || numbers["secondary"] !== 0;
}

type PciDevice = Readonly<Record<string, unknown>>;

/** The devices of all buses, those behind bridges included, however deep. */
function pciDevices(list: unknown): PciDevice[] {
  const found: PciDevice[] = [];
  const buses: unknown[] = Array.isArray(list) ? [...(list as unknown[])] : [];
  for (let bus = buses.pop(); bus !== undefined; bus = buses.pop()) {
    const devices = isRecord(bus) ? bus["devices"] : undefined;
    if (!Array.isArray(devices)) continue;
    for (const device of (devices as unknown[]).filter(isRecord)) {
      found.push(device);
      if (isRecord(device["pci_bridge"])) buses.push(device["pci_bridge"]);
    }
  }
  return found;
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** QEMU's number of the expansion ROM among the regions. */
const ROM_REGION = 6;

/**
 * QEMU shows an unmapped region with the address -1. Only memory counts: a guest maps the ROM for a moment
 * at the most, and behind a root port it often gives no I/O ports at all.
 */
function isMapped(device: PciDevice): boolean {
  const regions = device["regions"];
  if (!Array.isArray(regions)) return false;
  return regions
    .filter(isRecord)
    .filter((region) => region["type"] === "memory" && region["bar"] !== ROM_REGION)
    .every(({ address }) => typeof address === "number" && address >= 0);
}
