import type { GuestSideView } from "../../lifecycle";
import { isRecord } from "../../qmp";

/**
 * Reads from query-pci's answer how the guest sees these devices: the bus number it has given to the
 * port, and whether every memory region is mapped. Buses that the guest has not numbered yet show
 * nothing (qemu.md 1.7), so that an empty view means "not yet", never "not there".
 */
export function findGuestSideView(queryPci: unknown, qemuIds: readonly string[]): GuestSideView {
  const wanted = new Set(qemuIds);
  const found = [...pciDevices(queryPci)].filter((one) => wanted.has(String(one.device["qdev_id"])));
  const [first] = found;
  if (first === undefined || found.length < qemuIds.length) return { guestConfigured: false };
  const slot = Number(first.device["slot"]);
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  return {
    ...(first.bus > 0 && Number.isInteger(slot) && { guestAddress: `0000:${hex(first.bus)}:${hex(slot)}` }),
    guestConfigured: found.every((one) => isMapped(one.device)),
  };
}

function* pciDevices(list: unknown): Generator<{ bus: number; device: Record<string, unknown> }> {
  if (!Array.isArray(list)) return;
  for (const bus of list as unknown[]) {
    if (!isRecord(bus)) continue;
    yield* devicesOf(bus["devices"]);
  }
}

function* devicesOf(devices: unknown): Generator<{ bus: number; device: Record<string, unknown> }> {
  if (!Array.isArray(devices)) return;
  for (const device of devices as unknown[]) {
    if (!isRecord(device)) continue;
    yield { bus: Number(device["bus"]), device };
    const bridge = device["pci_bridge"];
    if (isRecord(bridge)) yield* devicesOf(bridge["devices"]);
  }
}

/** QEMU's number of the expansion ROM among the regions. */
const ROM_REGION = 6;

/**
 * QEMU shows an unmapped region with the address -1. Only memory counts: a guest maps the ROM for a moment
 * at the most, and behind a root port it often gives no I/O ports at all.
 */
function isMapped(device: Record<string, unknown>): boolean {
  const regions = device["regions"];
  if (!Array.isArray(regions)) return false;
  return regions
    .filter(isRecord)
    .filter((region) => region["type"] === "memory" && region["bar"] !== ROM_REGION)
    .every((region) => Number(region["address"]) >= 0);
}
