import { findProperty, isRecord, listProperties, QmpError, findObjectType, type QmpMonitor } from "../../qmp";

/**
 * Where the guest has put the configuration space of its PCI functions (ECAM), in its own memory: a
 * function's registers stand at base + bus << 20 | slot << 15 | function << 12.
 */
export interface ConfigSpace {
  readonly base: number;
  readonly size: number;
}

/** Where a function stands, as the guest numbered its bus. */
export interface FunctionAddress {
  readonly bus: number;
  readonly slot: number;
  readonly guestFunction: number;
}

/** Offsets of the registers that are read, in bytes, and how many words of four bytes they are. */
export const COMMAND = { offset: 0x04, words: 1 } as const;
export const BARS = { offset: 0x10, words: 6 } as const;

const Q35_PATH = "/machine/q35";
const UNATTACHED_PATH = "/machine/unattached";
/** The host bridge of arm64's `virt`, and the memory region of its configuration space. */
const GENERIC_HOST_BRIDGE = "gpex-pcihost";
const GENERIC_REGION = "pcie-ecam[0]";
const WORDS_IN_LINE = 4;

/**
 * Undefined where the machine has no such space, or its firmware has not set it up: QEMU says 2^64 - 1 then,
 * which is read as some number above 2^53. Asked each time, because each boot sets it anew.
 */
export async function findConfigSpace(
  monitor: QmpMonitor,
  signal: AbortSignal,
): Promise<ConfigSpace | undefined> {
  const [base, size] = await Promise.all(
    ["MCFG", "mcfg_size"].map((property) => findProperty(monitor, Q35_PATH, property, signal)),
  );
  if (base !== undefined) return spaceOf(base, size);
  const machine = await findProperty(monitor, "/machine", "type", signal);
  if (typeof machine !== "string" || !machine.startsWith("virt-")) return undefined;
  const devices = await listProperties(monitor, UNATTACHED_PATH, signal);
  const bridge = devices.find(({ type }) => findObjectType(type) === GENERIC_HOST_BRIDGE);
  if (bridge === undefined) return undefined;
  const region = `${UNATTACHED_PATH}/${bridge.name}/${GENERIC_REGION}`;
  const [address, length] = await Promise.all(
    ["addr", "size"].map((property) => findProperty(monitor, region, property, signal)),
  );
  return spaceOf(address, length);
}

function spaceOf(base: unknown, size: unknown): ConfigSpace | undefined {
  if (!isWhole(base) || !isWhole(size) || !Number.isSafeInteger(base + size)) return undefined;
  return { base, size };
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/** Which registers of which function to read. */
export interface RegistersRequest {
  readonly space: ConfigSpace;
  readonly address: FunctionAddress;
  readonly registers: { readonly offset: number; readonly words: number };
}

/**
 * Some registers of a function, by QEMU's own command for people, `xp`; undefined where it says anything but
 * these words, or takes no such command. Under KVM QEMU's main loop waits for a processor of the guest
 * meanwhile: to be called seldom.
 */
export async function findRegisters(
  monitor: QmpMonitor,
  { space, address: { bus, slot, guestFunction }, registers: { offset, words } }: RegistersRequest,
  signal: AbortSignal,
): Promise<readonly number[] | undefined> {
  const start = bus * 2 ** 20 + slot * 2 ** 15 + guestFunction * 2 ** 12 + offset;
  if (start + words * 4 > space.size) return undefined;
  const address = space.base + start;
  const commandLine = `xp /${words}wx 0x${address.toString(16)}`;
  try {
    const text = await monitor.execute("human-monitor-command", { "command-line": commandLine }, signal);
    return parseDump(text, address, words);
  } catch (cause) {
    if (cause instanceof QmpError) return undefined;
    throw cause;
  }
}

/**
 * Reads what `xp /NwX` prints: lines of four words, each with its address in front. Undefined for any other
 * text.
 *
 * @example
 * parseDump("00000000b0400010: 0x00000000 0xfda00000\r\n", 0xb0400010, 2) // [0, 0xfda00000]
 */
export function parseDump(text: unknown, address: number, words: number): readonly number[] | undefined {
  if (typeof text !== "string") return undefined;
  const lines = text.split(/\r?\n/);
  if (lines.pop() !== "" || lines.length !== Math.ceil(words / WORDS_IN_LINE)) return undefined;
  const values: number[] = [];
  for (const line of lines) {
    const start = (address + values.length * 4).toString(16).padStart(16, "0");
    const count = Math.min(WORDS_IN_LINE, words - values.length);
    if (!new RegExp(`^${start}:(?: 0x[0-9a-f]{8}){${count}}$`).test(line)) return undefined;
    values.push(
      ...line
        .split(" 0x")
        .slice(1)
        .map((word) => Number.parseInt(word, 16)),
    );
  }
  return values;
}

/** A range of addresses that a port or bridge passes on, both ends included. */
export interface AddressWindow {
  readonly base: number;
  readonly limit: number;
}

/** What a port or bridge passes on to its bus. */
export interface PortWindows {
  readonly memory: readonly AddressWindow[];
  readonly io: readonly AddressWindow[];
}

/** The windows of a bridge, as query-pci shows them. */
export function windowsOf(bridge: unknown): PortWindows {
  const range = (name: string): AddressWindow[] => {
    const one = isRecord(bridge) ? bridge[name] : undefined;
    if (!isRecord(one)) return [];
    const { base, limit } = one;
    return typeof base === "number" && typeof limit === "number" ? [{ base, limit }] : [];
  };
  return { memory: [...range("memory_range"), ...range("prefetchable_range")], io: range("io_range") };
}

/**
 * Whether one of these BARs has an address that the port passes on. While the guest measures a BAR it reads
 * like an address that is above every window; one that no address was found for has none.
 */
export function isAnyMapped(bars: readonly number[], { memory, io }: PortWindows): boolean {
  for (let n = 0; n < bars.length; n++) {
    const low = bars[n] ?? 0;
    const isIo = (low & 1) === 1;
    const isWide = !isIo && (low & 6) === 4;
    const high = isWide ? (bars[++n] ?? 0) : 0;
    const address = high * 2 ** 32 + low - (low & (isIo ? 3 : 15));
    const windows = isIo ? io : memory;
    if (address > 0 && windows.some(({ base, limit }) => address >= base && address <= limit)) return true;
  }
  return false;
}
