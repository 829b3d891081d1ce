import { fail } from "../../errors";
import { findPciAddress, type GuestSlot } from "../../pci";
import { isTag, type GuestIdentity, type LedgerEntry, type LedgerFunction } from "../../plan";
import { isRecord } from "../../qmp";
import { findIncarnation, findSince } from "../ledger-marks";
import { findUuid } from "./guest-uuid";

/** One guest's file of the ledger: one line of JSON. Its form is permanent, as that in libvirt's metadata is. */
export interface LedgerFile {
  readonly guest: GuestIdentity;
  /** The monitor's socket that the guest was last reached by. */
  readonly socket: string;
  readonly entries: readonly LedgerEntry[];
}

const VERSION = 1;
const kinds: readonly GuestSlot["kind"][] = ["pcie-native", "pcie-acpi", "pci-acpi", "pseries"];

/** The line that stands in the file. */
export function writeLedgerFile({ guest, socket, entries }: LedgerFile): string {
  return JSON.stringify({ version: VERSION, guest, socket, entries });
}

/**
 * Reads a file. Root alone can write there, and a function's own driver stands nowhere else: a file that cannot be read
 * is an error, and never taken for an empty one.
 *
 * @param name for the error
 * @throws LEDGER_UNREADABLE
 */
export function parseLedgerFile(name: string, text: string): LedgerFile {
  const file = findJson(text);
  const broken = (reason: string): Error => fail("LEDGER_UNREADABLE", { name, reason });
  if (!isRecord(file)) throw broken("it is not an object of JSON");
  if (file["version"] !== VERSION)
    throw broken(`its version is not ${VERSION}; a newer release may have written it`);
  const { guest, socket, entries } = file;
  const uuid = isRecord(guest) && typeof guest["uuid"] === "string" ? findUuid(guest["uuid"]) : undefined;
  if (!isRecord(guest) || uuid === undefined || typeof guest["name"] !== "string")
    throw broken("it names no guest");
  if (typeof socket !== "string" || !Array.isArray(entries)) throw broken("it has no entries");
  const parsed = (entries as unknown[]).map((one) => findEntry(one));
  if (parsed.includes(undefined)) throw broken("an entry does not have its form");
  return { guest: { uuid, name: guest["name"] }, socket, entries: parsed.filter((one) => one !== undefined) };
}

function findJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function findEntry(value: unknown): LedgerEntry | undefined {
  if (!isRecord(value) || !isRecord(value["slot"]) || !Array.isArray(value["functions"])) return undefined;
  const { owner, tag } = value;
  const { bus, slot, kind } = value["slot"];
  const known = kinds.find((one) => one === kind);
  const functions = (value["functions"] as unknown[]).map((one) => findFunction(one));
  const isWhole =
    typeof owner === "string" &&
    owner !== "" &&
    typeof tag === "string" &&
    isTag(tag) &&
    typeof bus === "string" &&
    typeof slot === "number" &&
    isWithin(slot, 31) &&
    known !== undefined &&
    !functions.includes(undefined);
  if (!isWhole) return undefined;
  const incarnation = findIncarnation(value["incarnation"]);
  const since = findSince(value["since"]);
  return {
    owner,
    tag,
    slot: { bus, slot, kind: known },
    functions: functions.filter((one) => one !== undefined),
    ...(incarnation !== undefined && { incarnation }),
    ...(since !== undefined && { since }),
  };
}

function findFunction(value: unknown): LedgerFunction | undefined {
  if (!isRecord(value) || typeof value["address"] !== "string") return undefined;
  const address = findPciAddress(value["address"]);
  const { guestFunction, hostDriver, romFile, romBar } = value;
  const hasNumber = typeof guestFunction === "number" && isWithin(guestFunction, 7);
  const hasDriver = typeof hostDriver === "string" && isDriverName(hostDriver);
  if (address === undefined || (guestFunction !== undefined && !hasNumber)) return undefined;
  if (hostDriver !== undefined && !hasDriver) return undefined;
  const hasRom = typeof romFile === "string" && romFile !== "";
  if (romFile !== undefined && !hasRom) return undefined;
  if (romBar !== undefined && typeof romBar !== "boolean") return undefined;
  return {
    address,
    ...(hasNumber && { guestFunction }),
    ...(hasDriver && { hostDriver }),
    ...(hasRom && { romFile }),
    ...(typeof romBar === "boolean" && { romBar }),
  };
}

/** Whether a text may stand for a driver in a request to the host program. */
export function isDriverName(text: string): boolean {
  return /^[A-Za-z0-9_.-]{1,64}$/.test(text) && text !== "-";
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}
