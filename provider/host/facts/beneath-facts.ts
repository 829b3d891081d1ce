import { findPciAddress, type PciAddress } from "../../pci/address";
import { printable, shorten } from "../../errors";
import { BENEATH_KINDS, BENEATH_TRAITS, type BeneathDevice, type BeneathKind } from "./beneath-device";
import { markConsoles } from "./display-consoles";
import { readEach, unreadableRecordError, type FactRecords, type ReadRecords } from "./fact-records";
import { functionsOf, onPath } from "./functions-on-path";
import { turnedRound } from "./turned-round";

/** How far the host was looked at for what hangs below its functions. */
export interface BeneathLook {
  /** The kinds, and what else was looked for: `compute`, `uio`. */
  readonly kinds: ReadonlySet<string>;
  /**
   * Devices that there was no room for: they may hang below any function. 0 of a kind: which of them have a
   * console is not told.
   */
  readonly leftOut: readonly { readonly kind: BeneathKind; readonly count: number }[];
  /** All functions of the host, where something is left out. */
  readonly among: readonly PciAddress[];
}

/** What the kernel did not tell in time: where its consoles are. */
const CONSOLES = [
  { kind: "display", count: 0 },
  { kind: "tty", count: 0 },
] as const satisfies BeneathLook["leftOut"];

/** What a detail may have: a name of a product, or of a driver. */
const MAX_DETAIL_CHARACTERS = 60;

/** What the records of the survey say of what is beneath; interfaces and disks have records of their own. */
export function parseBeneath(records: FactRecords): ReadRecords<BeneathDevice> & { look?: BeneathLook } {
  const of = (kind: string) => records.get(kind) ?? [];
  const { read, unread, unreadFunctions } = readEach(of("sub"), "sub", parseDevice);
  const isStuck = of("stuck").length > 0;
  const leftOut = [...of("more").flatMap(findLeftOut), ...(isStuck ? CONSOLES : [])];
  const [looked] = of("looked");
  const among = (of("among")[0] ?? "").split(" ").flatMap((word) => findPciAddress(word) ?? []);
  return {
    read: markConsoles(read, of("vt")).filter((one) => one.hostAddresses.length > 0),
    unread: [
      ...unread,
      ...leftOut.map(({ kind, count }) => ({
        part: "beneath" as const,
        reason: count === 0 ? `consoles of kind ${kind} are not told` : `${count} of kind ${kind}`,
      })),
    ],
    unreadFunctions,
    ...(looked !== undefined && {
      look: { kinds: new Set(looked.split(" ")), leftOut, among },
    }),
  };
}

/** Devices other than interfaces and disks, by each function that they are gone with. */
export function findBeneath(
  devices: readonly BeneathDevice[],
): ReadonlyMap<PciAddress, readonly BeneathDevice[]> {
  return turnedRound(devices, (one) => one.hostAddresses);
}

/** `KIND NAME TRAIT,TRAIT /sys/devices/... [TEXT]`, "-" for no trait */
function parseDevice(record: string): BeneathDevice {
  const [, word, name, traits, path, text = ""] =
    /^([a-z]{1,20}) ([^ ]{1,255}) ([^ /]{1,100}) (\/[^ ]*) ?(.*)$/s.exec(record) ?? [];
  const kind = BENEATH_KINDS.find((one) => one === word);
  if (kind === undefined || name === undefined || path === undefined) throw unreadableRecordError(record);
  const words = new Set((traits ?? "").split(","));
  const own = BENEATH_TRAITS.filter((one) => words.has(one));
  const detail = shorten(printable(ownWords(text)).trim(), MAX_DETAIL_CHARACTERS);
  const within = kind === "usb" ? undefined : findUsbDevice(path);
  return {
    kind,
    name: printable(name),
    ...(detail !== "" && { detail }),
    ...(own.length > 0 && { traits: own }),
    ...(within !== undefined && { within }),
    hostAddresses: functionsOf(onPath(path)),
  };
}

/** What udev writes of a text that a device tells: `udev Dell\\x20KB216`. */
function ownWords(text: string): string {
  if (!text.startsWith("udev ")) return text;
  return text
    .slice(5)
    .replace(/\\x([0-7][0-9a-f])/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The USB device that a path leads through, below whatever hubs: `3-1.4`. */
function findUsbDevice(path: string): string | undefined {
  const parts = path.split("/");
  const bus = parts.findIndex((one) => /^usb\d+$/.test(one));
  return bus < 0 ? undefined : parts.slice(bus).findLast((one) => /^\d+-[\d.]+$/.test(one));
}

/** `KIND COUNT` */
function findLeftOut(record: string): BeneathLook["leftOut"] {
  const [word, number] = record.split(" ");
  const kind = BENEATH_KINDS.find((one) => one === word);
  const count = Number(number);
  return kind === undefined || !(count > 0) ? [] : [{ kind, count }];
}
