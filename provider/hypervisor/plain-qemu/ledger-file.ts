import { providerError } from "../../errors";
import { findPciAddress, slotKinds, type PciAddress } from "../../pci";
import { isWithin } from "../is-within";
import { isTag, type GuestIdentity, type LedgerEntry, type LedgerFunction } from "../../plan";
import { isRecord } from "../../qmp";
import { asciiJson } from "../ascii-json";
import { findIncarnation, findSince } from "../ledger-marks";
import { findUuid } from "./guest-uuid";

/**
 * One guest's file of the ledger: one line of JSON. Its form is permanent, as that in libvirt's metadata is.
 */
export interface LedgerFile {
  readonly guest: GuestIdentity;
  /** The monitor's socket that the guest was last reached by. */
  readonly socket: string;
  readonly entries: readonly LedgerEntry[];
  /**
   * Entries that this release does not understand: they are carried along, and their functions left alone.
   */
  readonly unread: readonly UnreadEntry[];
}

/** What can be told of an entry that a later release has written, or somebody has edited. */
export interface UnreadEntry {
  readonly owner?: string;
  readonly tag?: string;
  /** All functions that it names. */
  readonly addresses: readonly PciAddress[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/** A file, and what stands in it beside what is understood. */
interface OpenFile extends LedgerFile {
  readonly document: JsonObject;
  readonly lines: readonly EntryLine[];
}

/** An entry as it stands, and as what it is understood. */
interface EntryLine {
  readonly value: JsonObject;
  readonly entry?: LedgerEntry;
  readonly unread?: UnreadEntry;
}

const VERSION = 1;

/** Name of a guest's file. */
export function ledgerFileName(uuid: string): string {
  return `guest-${uuid}.json`;
}

/** The line that stands in a file with these entries and nothing else. */
export function writeLedgerFile({ guest, socket, entries }: Omit<LedgerFile, "unread">): string {
  return asciiJson({ version: VERSION, guest, socket, entries: entries.map((one) => laidOver({}, one)) });
}

/**
 * Reads a file. Root alone can write there, and a function's own driver stands nowhere else: a file that
 * cannot be read is an error, and never taken for an empty one.
 *
 * @param name for the error
 * @throws LEDGER_UNREADABLE
 */
export function parseLedgerFile(name: string, text: string): LedgerFile {
  const { guest, socket, entries, unread } = openFile(name, text);
  return { guest, socket, entries, unread };
}

/** That a file, or what of it is concerned, cannot be read. */
export function ledgerUnreadableError(name: string, reason: string): Error {
  return providerError("LEDGER_UNREADABLE", { where: `/run/multifunction-pci/${name} on the host`, reason });
}

/** Where a guest is, as its file tells. */
type LedgerOwner = Pick<LedgerFile, "guest" | "socket">;

/**
 * The file with this entry, in place of all under its owner or its tag. Whatever else stands there stays as
 * it is.
 *
 * @param present the file as it stands; undefined where there is none.
 * @throws LEDGER_UNREADABLE, also where what is not understood is under that owner or tag
 */
export function recordInFile(
  present: string | undefined,
  fileOwner: LedgerOwner,
  entry: LedgerEntry,
): string {
  if (present === undefined) return writeLedgerFile({ ...fileOwner, entries: [entry] });
  const { document, lines } = openToChange(present, fileOwner, entry);
  const same = lines.filter((one) => one.entry !== undefined && isSameName(one.entry, entry));
  const former = same.find((one) => one.entry?.tag === entry.tag) ?? same[0];
  const others = lines.filter((one) => !same.includes(one)).map((one) => one.value);
  return writeDocument(document, fileOwner, [...others, laidOver(former?.value ?? {}, entry)]);
}

/**
 * The file without what is under the owner or the tag of this entry and has its incarnation: what another
 * create has made stays, and so does what is not understood.
 *
 * @returns undefined where nothing is left; `present` itself where nothing was to be erased.
 * @throws LEDGER_UNREADABLE, also where what is not understood is under that owner or tag
 */
export function eraseFromFile(
  present: string | undefined,
  fileOwner: LedgerOwner,
  entry: LedgerEntry,
): string | undefined {
  const isErased = (one: LedgerEntry): boolean =>
    isSameName(one, entry) && one.incarnation === entry.incarnation;
  return withoutEntries(present, fileOwner, entry, isErased);
}

/** As {@link eraseFromFile}, whatever the incarnation: of a file beside the one that has got the entry. */
export function strikeFromFile(
  present: string | undefined,
  fileOwner: LedgerOwner,
  entry: LedgerEntry,
): string | undefined {
  return withoutEntries(present, fileOwner, entry, (one) => isSameName(one, entry));
}

function withoutEntries(
  present: string | undefined,
  fileOwner: LedgerOwner,
  entry: LedgerEntry,
  isErased: (one: LedgerEntry) => boolean,
): string | undefined {
  if (present === undefined) return undefined;
  const { document, lines } = openToChange(present, fileOwner, entry);
  const others = lines.filter((one) => one.entry === undefined || !isErased(one.entry));
  if (others.length === lines.length) return present;
  const isKnown = (key: string): boolean => ["version", "guest", "socket", "entries"].includes(key);
  if (others.length === 0 && Object.keys(document).every(isKnown)) return undefined;
  const left = others.map((one) => one.value);
  return writeDocument(document, fileOwner, left);
}

function openFile(name: string, text: string): OpenFile {
  const document = findJson(text);
  const unreadableError = (reason: string): Error => ledgerUnreadableError(name, reason);
  if (!isRecord(document)) throw unreadableError("it is not an object of JSON");
  if (document["version"] !== VERSION)
    throw unreadableError(`its version is not ${VERSION}; a newer release may have written it`);
  const { guest, socket, entries } = document;
  const uuid = isRecord(guest) && typeof guest["uuid"] === "string" ? findUuid(guest["uuid"]) : undefined;
  if (!isRecord(guest) || uuid === undefined || typeof guest["name"] !== "string")
    throw unreadableError("it names no guest");
  if (typeof socket !== "string" || !Array.isArray(entries)) throw unreadableError("it has no entries");
  const lines = (entries as unknown[]).map((value) => {
    const line = findLine(value);
    if (line === undefined)
      throw unreadableError("an entry does not tell whose it is, or which functions it has");
    return line;
  });
  return {
    guest: { uuid, name: guest["name"] },
    socket,
    entries: lines.flatMap((one) => one.entry ?? []),
    unread: lines.flatMap((one) => one.unread ?? []),
    document,
    lines,
  };
}

function openToChange(present: string, fileOwner: LedgerOwner, entry: LedgerEntry): OpenFile {
  const name = ledgerFileName(fileOwner.guest.uuid);
  const file = openFile(name, present);
  if (file.unread.some((one) => isSameName(one, entry)))
    throw ledgerUnreadableError(name, `its entry of ${entry.owner} does not have its form`);
  return file;
}

type EntryName = Pick<Partial<LedgerEntry>, "owner" | "tag">;

function isSameName(one: EntryName, other: EntryName): boolean {
  return one.owner === other.owner || one.tag === other.tag;
}

function writeDocument(
  document: JsonObject,
  { guest, socket }: LedgerOwner,
  entries: readonly unknown[],
): string {
  const former = isRecord(document["guest"]) ? document["guest"] : {};
  return asciiJson({ ...document, guest: { ...former, ...guest }, socket, entries });
}

/** An entry, with what the former one has beside it. */
function laidOver(former: JsonObject, entry: LedgerEntry): JsonObject {
  const { owner, tag, slot, functions, incarnation, since } = entry;
  const formerSlot = isRecord(former["slot"]) ? former["slot"] : {};
  const formerFunctions = Array.isArray(former["functions"]) ? (former["functions"] as unknown[]) : [];
  return {
    ...former,
    owner,
    tag,
    slot: { ...formerSlot, bus: slot.bus, slot: slot.slot, kind: slot.kind },
    functions: functions.map(({ hostAddress: address, ...known }) => {
      const { guestFunction, hostDriver, driverOverride, romFile, romBar } = known;
      const found = formerFunctions.find((one) => isRecord(one) && one["address"] === address);
      const kept = isRecord(found) && found;
      return { ...kept, address, guestFunction, hostDriver, driverOverride, romFile, romBar };
    }),
    incarnation,
    since,
  };
}

function findJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for what may have functions of which nobody could tell which. */
function findLine(value: unknown): EntryLine | undefined {
  if (!isRecord(value)) return undefined;
  const entry = findEntry(value);
  if (entry !== undefined) return { value, entry };
  const unread = findUnread(value);
  return unread && { value, unread };
}

function findUnread({ owner, tag, functions }: JsonObject): UnreadEntry | undefined {
  const hasOwner = typeof owner === "string" && owner !== "";
  const hasTag = typeof tag === "string" && isTag(tag);
  const name = { ...(hasOwner && { owner }), ...(hasTag && { tag }) };
  if (functions === undefined) return { ...name, addresses: [] };
  if (!hasOwner || !hasTag || !Array.isArray(functions)) return undefined;
  const addresses = (functions as unknown[]).map((one) => isRecord(one) && findAddress(one["address"]));
  if (!addresses.every((one) => one)) return undefined;
  return { ...name, addresses: addresses.flatMap((one) => one || []) };
}

function findAddress(value: unknown): PciAddress | undefined {
  return typeof value === "string" ? findPciAddress(value) : undefined;
}

function findEntry(value: JsonObject): LedgerEntry | undefined {
  if (!isRecord(value["slot"]) || !Array.isArray(value["functions"])) return undefined;
  const { owner, tag } = value;
  const { bus, slot, kind } = value["slot"];
  const known = slotKinds.find((one) => one === kind);
  const functions = (value["functions"] as unknown[]).map((one) => findFunction(one));
  const isWhole =
    typeof owner === "string" &&
    owner !== "" &&
    typeof tag === "string" &&
    isTag(tag) &&
    typeof bus === "string" &&
    isWithin(slot, 0, 31) &&
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
  const hostAddress = findPciAddress(value["address"]);
  const { guestFunction, hostDriver, driverOverride, romFile, romBar } = value;
  const hasNumber = isWithin(guestFunction, 0, 7);
  const hasDriver = typeof hostDriver === "string" && isDriverName(hostDriver);
  if (hostAddress === undefined || (guestFunction !== undefined && !hasNumber)) return undefined;
  if (hostDriver !== undefined && !hasDriver) return undefined;
  const hasOverride = typeof driverOverride === "string" && isDriverName(driverOverride);
  if (driverOverride !== undefined && !hasOverride) return undefined;
  const hasRom = typeof romFile === "string" && romFile !== "";
  if (romFile !== undefined && !hasRom) return undefined;
  if (romBar !== undefined && typeof romBar !== "boolean") return undefined;
  return {
    hostAddress,
    ...(hasNumber && { guestFunction }),
    ...(hasDriver && { hostDriver }),
    ...(hasOverride && { driverOverride }),
    ...(hasRom && { romFile }),
    ...(typeof romBar === "boolean" && { romBar }),
  };
}

/** Whether a text may stand for a driver in a request to the host program. */
export function isDriverName(text: string): boolean {
  return /^[A-Za-z0-9_.-]{1,64}$/.test(text) && text !== "-";
}
