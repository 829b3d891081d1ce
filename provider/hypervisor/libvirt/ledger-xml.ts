import { findPciAddress, type GuestSlot } from "../../pci";
import { isTag, type LedgerEntry, type LedgerFunction } from "../../plan";
import { attribute, child, children, writeXml, type XmlElement } from "./xml";

/** Namespace of the ledger among the guest's metadata. Permanent: states and guests of users rely on it. */
export const LEDGER_URI = "urn:pulumi-multifunction-pci:ledger:1";
/** Prefix that libvirt declares for the namespace. */
export const LEDGER_PREFIX = "mfpci";

const kinds: readonly GuestSlot["kind"][] = ["pcie-native", "pcie-acpi", "pci-acpi", "pseries"];

/** The entries in a guest's `<metadata>`; what is malformed is left out, for anyone may write there. */
export function findLedgerEntries(metadata: XmlElement): LedgerEntry[] {
  return children(child(metadata, "attachments"), "attachment").flatMap((one) => findEntry(one) ?? []);
}

/** The element that holds these entries; undefined where there are none, which removes it. */
export function writeLedger(entries: readonly LedgerEntry[]): string | undefined {
  if (entries.length === 0) return undefined;
  const attachment = entries.map((entry) => ({
    "@owner": encodeText(entry.owner),
    "@tag": entry.tag,
    "@bus": entry.slot.bus,
    "@slot": String(entry.slot.slot),
    "@kind": entry.slot.kind,
    function: entry.functions.map((one) => ({
      "@address": one.address,
      ...(one.guestFunction !== undefined && { "@guest": String(one.guestFunction) }),
      ...(one.hostDriver !== undefined && { "@driver": one.hostDriver }),
      ...(one.romFile !== undefined && { "@rom-file": encodeText(one.romFile) }),
      ...(one.romBar !== undefined && { "@rom-bar": one.romBar ? "on" : "off" }),
    })),
  }));
  return writeXml({ attachments: { attachment } });
}

function findEntry(element: XmlElement): LedgerEntry | undefined {
  const [tag, bus] = ["tag", "bus"].map((name) => attribute(element, name));
  const owner = decodeText(attribute(element, "owner") ?? "");
  const kind = kinds.find((one) => one === attribute(element, "kind"));
  const slot = Number(attribute(element, "slot"));
  const hasForm = owner && tag && isTag(tag) && bus && kind !== undefined && isSlotNumber(slot);
  if (!hasForm) return undefined;
  const functions = children(element, "function").flatMap((one) => findFunction(one) ?? []);
  return { owner, tag, slot: { bus, slot, kind }, functions };
}

function findFunction(element: XmlElement): LedgerFunction | undefined {
  const address = findPciAddress(attribute(element, "address") ?? "");
  if (address === undefined) return undefined;
  const guest = attribute(element, "guest");
  if (guest !== undefined && !/^[0-7]$/.test(guest)) return undefined;
  const hostDriver = attribute(element, "driver");
  const romFile = decodeText(attribute(element, "rom-file") ?? "");
  const romBar = attribute(element, "rom-bar");
  return {
    address,
    ...(guest !== undefined && { guestFunction: Number(guest) }),
    ...(hostDriver !== undefined && { hostDriver }),
    ...(romFile && { romFile }),
    ...((romBar === "on" || romBar === "off") && { romBar: romBar === "on" }),
  };
}

function isSlotNumber(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 0 && slot <= 31;
}

/**
 * Readers of XML turn tabs and line ends of an attribute into blanks, trim it, and refuse other control
 * characters and two noncharacters; a token that came back otherwise would be another owner, a path another file. They are written as in a
 * URL.
 */
function encodeText(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what has to be kept out
  return text.replace(/[%\u0000-\u001f\ufffe\uffff]|^\s+|\s+$/gu, encodeURIComponent);
}

function decodeText(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
