import type { GuestState } from "../../apply";
import { sleep } from "../../async/sleep";
import type { QmpMonitor } from "../../qmp";
import { isWithin } from "../is-within";
import {
  BARS,
  COMMAND,
  findConfigSpace,
  findRegisters,
  isAnyMapped,
  windowsOf,
  type ConfigSpace,
  type FunctionAddress,
} from "./config-space";
import { hasMappedRegion, listPciDevices, type PciDevice } from "./guest-enumeration";

/** Two reads this far apart that are the same show no BAR that is being measured. */
const SECOND_READ_MS = 50;
/** What is read where no function answers. */
const NOTHING = 0xffff_ffff;
/** Bits of the command register: memory, bus master. */
const IS_DRIVEN = 0b110;

/** Which functions to read the states of. */
export interface StatesRequest {
  /** The answer of query-pci, of the same moment: buses are numbered anew by each boot. */
  readonly queryPci: unknown;
  readonly qemuIds: readonly string[];
}

/**
 * What the guest has done with each of these functions, in their order, by their registers
 * (docs/internals/qemu.md); where they cannot be read, by query-pci, which shows a mapped BAR once a driver
 * is there, and is silent until then.
 */
export async function readStates(
  monitor: QmpMonitor,
  { queryPci, qemuIds }: StatesRequest,
  signal: AbortSignal,
): Promise<readonly GuestState[]> {
  const devices = listPciDevices(queryPci);
  const asked = qemuIds.map((id) => devices.find((one) => one.device["qdev_id"] === id));
  const space = asked.some((one) => one !== undefined) ? await findConfigSpace(monitor, signal) : undefined;
  return Promise.all(
    asked.map(async (one): Promise<GuestState> =>
      one === undefined ? "unknown" : readState(monitor, one, space, signal),
    ),
  );
}

async function readState(
  monitor: QmpMonitor,
  { device, bridge }: PciDevice,
  space: ConfigSpace | undefined,
  signal: AbortSignal,
): Promise<GuestState> {
  const bySummary = hasMappedRegion(device) ? "enumerated" : "unknown";
  const address = findFunctionAddress(device);
  if (address === undefined || space === undefined || bridge === undefined) return bySummary;
  const read = (registers: typeof BARS | typeof COMMAND) =>
    findRegisters(monitor, { space, address, registers }, signal);
  const bars = await read(BARS);
  if (bars === undefined) return bySummary;
  if (bars.every((one) => one === NOTHING)) return "absent";
  const windows = windowsOf(bridge);
  if (!isAnyMapped(bars, windows)) return "present";
  await sleep(SECOND_READ_MS);
  const again = await read(BARS);
  if (again === undefined || again.some((one, n) => one !== bars[n])) return "present";
  const [command] = (await read(COMMAND)) ?? [];
  const isDriven = command !== undefined && command !== NOTHING && (command & IS_DRIVEN) === IS_DRIVEN;
  return isDriven ? "driven" : "enumerated";
}

/** Undefined where the bus has no number, or the numbers are none of PCI's. */
function findFunctionAddress({
  bus,
  slot,
  function: guestFunction,
}: PciDevice["device"]): FunctionAddress | undefined {
  if (!isWithin(bus, 1, 255) || !isWithin(slot, 0, 31) || !isWithin(guestFunction, 0, 7)) return undefined;
  return { bus, slot, guestFunction };
}
