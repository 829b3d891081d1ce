import { providerError } from "../../../errors";
import { findPciAddress, slotKinds, type PciAddress } from "../../../pci";
import { isTag, type LedgerEntry, type LedgerFunction } from "../../../plan";
import { findIncarnation, findSince } from "../../ledger-marks";
import { healingOf } from "./heal-owner";
import { attribute, children, element, elementsOf, parseXml, writeXml, type XmlElement } from "./xml";

/** Namespace of the ledger among the guest's metadata. Permanent: states and guests of users rely on it. */
export const LEDGER_URI = "urn:pulumi-multifunction-pci:ledger:1";
/** Prefix that libvirt declares for the namespace. What counts is the namespace, whatever stands for it. */
export const LEDGER_PREFIX = "mfpci";

const ROOT = "attachments";
const ENTRY = "attachment";
const FUNCTION = "function";
/** The only form there is so far; not written where nothing else says it. */
const FORM = "1";

/** Which of two entries under one owner or tag is meant. */
type EntryName = Pick<LedgerEntry, "owner" | "tag" | "incarnation">;

/**
 * The entries in a guest's `<metadata>`: of its first element in the ledger's namespace, which is the one
 * that libvirt answers with. What is malformed is left out, for anyone may write there.
 *
 * @throws LEDGER_UNREADABLE
 */
export function findLedgerEntries(metadata: XmlElement, guest: string): LedgerEntry[] {
  const ledger = elementsOf(metadata).find((one) => one.namespace === LEDGER_URI);
  return ledger === undefined ? [] : entriesOf(ledger, guest);
}

/** The element that holds these entries; undefined where there are none, which removes it. */
export function writeLedger(entries: readonly LedgerEntry[]): string | undefined {
  if (entries.length === 0) return undefined;
  const ledger = element(ROOT);
  return writeXml(
    element(
      ROOT,
      {},
      entries.map((one) => laidOver(ledger, undefined, one)),
    ),
  );
}

/**
 * The ledger with this entry, in place of all under its owner or its tag. What else is there stays,
 * understood or not: elements and attributes of others, and of this entry and its functions what a later
 * release has put there.
 *
 * @param present libvirt's answer to the question for the element; undefined where there is none.
 * @param guest for the error
 * @throws XML_UNREADABLE, LEDGER_UNREADABLE
 */
export function recordInLedger(present: string | undefined, entry: LedgerEntry, guest: string): string {
  const ledger = present === undefined ? element(ROOT) : parseLedger(present, guest);
  const same = entryElements(ledger).filter((one) => isSameName(nameOf(one), entry));
  const former = same.find((one) => nameOf(one).tag === entry.tag) ?? same[0];
  const others = contentWithout(ledger, same);
  return writeXml({ ...ledger, content: [...others, laidOver(ledger, former, entry)] });
}

/**
 * The ledger without what is under the owner or the tag of this entry and has its incarnation: what another
 * create has made stays, and so does what is not understood.
 *
 * @returns undefined where nothing is left; `present` itself where nothing was to be erased.
 * @throws XML_UNREADABLE, LEDGER_UNREADABLE
 */
export function eraseFromLedger(
  present: string | undefined,
  entry: LedgerEntry,
  guest: string,
): string | undefined {
  if (present === undefined) return undefined;
  const ledger = parseLedger(present, guest);
  const isErased = (one: XmlElement): boolean => {
    const name = nameOf(one);
    return isSameName(name, entry) && name.incarnation === entry.incarnation;
  };
  const erased = entryElements(ledger).filter(isErased);
  if (erased.length === 0) return present;
  const content = contentWithout(ledger, erased);
  const isEmpty = content.every((one) => typeof one === "string") && !hasUnknownAttributes(ledger);
  return isEmpty ? undefined : writeXml({ ...ledger, content });
}

/** libvirt takes the namespace off what it answers with. */
function parseLedger(text: string, guest: string): XmlElement {
  const [ledger] = elementsOf(parseXml(text, `the ledger of guest ${guest}`));
  if (ledger === undefined) throw new Error("a document has a root");
  entriesOf(ledger, guest);
  return withoutIndentation(ledger);
}

function entriesOf(ledger: XmlElement, guest: string): LedgerEntry[] {
  const unreadableError = (reason: string): Error =>
    providerError("LEDGER_UNREADABLE", { where: `in the metadata of guest ${guest}`, reason });
  if (ledger.name !== ROOT) throw unreadableError(`its element is not ${ROOT}`);
  if ((attribute(ledger, "form") ?? FORM) !== FORM)
    throw unreadableError(`its form is not ${FORM}; a newer release may have written it`);
  return entryElements(ledger).flatMap((one) => findEntry(one) ?? []);
}

function entryElements(ledger: XmlElement): XmlElement[] {
  return children(ledger, ENTRY, ledger.namespace);
}

function functionElements(entry: XmlElement): XmlElement[] {
  return children(entry, FUNCTION, entry.namespace);
}

function findEntry(entry: XmlElement): LedgerEntry | undefined {
  const { owner, tag, incarnation } = nameOf(entry);
  const bus = attribute(entry, "bus");
  const kind = slotKinds.find((one) => one === attribute(entry, "kind"));
  const slot = Number(attribute(entry, "slot"));
  const hasForm = owner && tag && bus && kind !== undefined && isSlotNumber(slot);
  if (!hasForm) return undefined;
  const since = findSince(attribute(entry, "since"));
  const heal = healingOf(ownerOf(entry), tag);
  const functions = functionElements(entry).flatMap((one) => findFunction(one, heal) ?? []);
  return {
    owner,
    tag,
    slot: { bus, slot, kind },
    functions,
    ...(incarnation !== undefined && { incarnation }),
    ...(since !== undefined && { since }),
  };
}

/** Whose an entry is, as far as it says so in a form that can be read. */
function nameOf(entry: XmlElement): EntryName {
  const owner = ownerOf(entry);
  const tag = attribute(entry, "tag") ?? "";
  const incarnation = findIncarnation(attribute(entry, "incarnation"));
  return {
    owner: healingOf(owner, tag)(owner),
    tag: isTag(tag) ? tag : "",
    ...(incarnation !== undefined && { incarnation }),
  };
}

function ownerOf(entry: XmlElement): string {
  return decodeText(attribute(entry, "owner") ?? "") ?? "";
}

function isSameName(one: EntryName, other: EntryName): boolean {
  return one.owner === other.owner || one.tag === other.tag;
}

function findFunction(one: XmlElement, heal: (text: string) => string): LedgerFunction | undefined {
  const address = addressOf(one);
  if (address === undefined) return undefined;
  const guest = attribute(one, "guest");
  if (guest !== undefined && !/^[0-7]$/.test(guest)) return undefined;
  const hostDriver = attribute(one, "driver");
  const romFile = heal(decodeText(attribute(one, "rom-file") ?? "") ?? "");
  const romBar = attribute(one, "rom-bar");
  return {
    hostAddress: address,
    ...(guest !== undefined && { guestFunction: Number(guest) }),
    ...(hostDriver !== undefined && { hostDriver }),
    ...(romFile && { romFile }),
    ...((romBar === "on" || romBar === "off") && { romBar: romBar === "on" }),
  };
}

function addressOf(one: XmlElement): PciAddress | undefined {
  return findPciAddress(attribute(one, "address") ?? "");
}

function isSlotNumber(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 0 && slot <= 31;
}

/** The element of an entry, with what the former one has beside it. */
function laidOver(ledger: XmlElement, former: XmlElement | undefined, entry: LedgerEntry): XmlElement {
  const formerFunctions = former === undefined ? [] : functionElements(former);
  const functions = entry.functions.map((one) =>
    withAttributes(
      formerFunctions.find((other) => addressOf(other) === one.hostAddress) ?? inSame(ledger, FUNCTION),
      {
        address: one.hostAddress,
        guest: one.guestFunction?.toString(),
        driver: one.hostDriver,
        "rom-file": one.romFile === undefined ? undefined : encodeText(one.romFile),
        "rom-bar": one.romBar === undefined ? undefined : one.romBar ? "on" : "off",
      },
    ),
  );
  const known = new Set(formerFunctions.filter((one) => addressOf(one) !== undefined));
  const rest = (former?.content ?? []).filter((one) => typeof one === "string" || !known.has(one));
  const { bus, slot, kind } = entry.slot;
  const whole = withAttributes(former ?? inSame(ledger, ENTRY), {
    owner: encodeText(entry.owner),
    tag: entry.tag,
    bus,
    slot: String(slot),
    kind,
    incarnation: entry.incarnation,
    since: entry.since,
  });
  return { ...whole, content: [...functions, ...rest] };
}

/**
 * What stands in the ledger beside these entries; texts of other entries as they were meant and as every
 * release reads them.
 */
function contentWithout(ledger: XmlElement, gone: readonly XmlElement[]): (XmlElement | string)[] {
  const entries = new Set(entryElements(ledger));
  const without = new Set(gone);
  return ledger.content.flatMap((one) => {
    if (typeof one === "string" || !entries.has(one)) return [one];
    return without.has(one) ? [] : [healed(one)];
  });
}

function healed(entry: XmlElement): XmlElement {
  const heal = healingOf(ownerOf(entry), attribute(entry, "tag") ?? "");
  const known = new Set(functionElements(entry));
  const content = entry.content.map((one) =>
    typeof one === "string" || !known.has(one) ? one : withHealed(one, "rom-file", heal),
  );
  return withHealed({ ...entry, content }, "owner", heal);
}

function withHealed(one: XmlElement, name: string, heal: (text: string) => string): XmlElement {
  const written = attribute(one, name) ?? "";
  const text = decodeText(written);
  if (text === undefined) return one;
  const isGood = heal(text) === text && isAscii(written);
  return isGood ? one : withAttributes(one, { [name]: encodeText(heal(text)) });
}

function withAttributes(one: XmlElement, values: Readonly<Record<string, string | undefined>>): XmlElement {
  const attributes = new Map(one.attributes);
  for (const [name, value] of Object.entries(values))
    if (value === undefined) attributes.delete(name);
    else attributes.set(name, value);
  return { ...one, attributes };
}

/** A new element in the namespace of the ledger, written as that is. */
function inSame({ writtenName, namespace }: XmlElement, name: string): XmlElement {
  const prefix = writtenName.includes(":") ? writtenName.slice(0, writtenName.indexOf(":") + 1) : "";
  return { ...element(name), namespace, writtenName: prefix + name };
}

/** libvirt indents what it prints; written back, that would count as text, and not be indented any more. */
function withoutIndentation(one: XmlElement): XmlElement {
  if (elementsOf(one).length === 0) return one;
  const content = one.content.filter((part) => typeof part !== "string" || part.trim() !== "");
  return {
    ...one,
    content: content.map((part) => (typeof part === "string" ? part : withoutIndentation(part))),
  };
}

function hasUnknownAttributes({ attributes }: XmlElement): boolean {
  return [...attributes.keys()].some((name) => name !== "form" && !/^xmlns(?::|$)/.test(name));
}

/**
 * Readers of XML turn tabs and line ends of an attribute into blanks, trim it, and refuse other control
 * characters and two noncharacters; libvirt prints what is not ASCII as references, which 0.1 does not
 * decode. A token that came back otherwise would be another owner, a path another file. They are written as
 * in a URL, which every release reads.
 */
function encodeText(text: string): string {
  return text
    .replace(/\p{Cs}/gu, "\ufffd")
    .replace(/[^\u0020-\u0024\u0026-\u007e]|^\s+|\s+$/gu, encodeURIComponent);
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

function decodeText(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
