import { findPciAddress, type PciAddress } from "../../pci/address";
import { functionsOnPath } from "./functions-on-path";
import type { UnreadPart } from "./unread-part";

/** Records of the helper's survey by kind; see host/helper/looks.sh. */
export type FactRecords = ReadonlyMap<string, readonly string[]>;

/**
 * What a helper may answer one question with. Whoever reads it does nothing else meanwhile, and the
 * connections to other hosts stand still with it: the dearest answer within these limits takes less than 0.3
 * s of a processor. A host with a thousand guests, or five hundred disks on four paths each, has some 3,000
 * records in two megabytes; one that has more than this is refused, as one that lies.
 */
export const ANSWER_LIMITS = {
  /** A list of all routes alone may have one megabyte. */
  bytes: 4 * 1024 * 1024,
  /** Pieces of records: a record of over a thousand bytes comes in several. */
  pieces: 20_000,
  records: 10_000,
} as const;

/**
 * Most records of a kind, and most words in all of them, where what is made of what is followed from each to
 * its end.
 */
const LIMITS: Readonly<Record<string, { readonly records: number; readonly words: number }>> = {
  net: { records: 4_000, words: 16_000 },
  blk: { records: 4_000, words: 16_000 },
  btrfs: { records: 1_000, words: 5_000 },
  sub: { records: 4_000, words: Infinity },
  kfd: { records: 64, words: Infinity },
  gpu: { records: 512, words: Infinity },
};
const OTHER_LIMIT = { records: ANSWER_LIMITS.records, words: Infinity };

/** More of them say nothing more. */
const MOST_UNREAD = 10;

/** Kinds of which a record that cannot be read is named, and no more: what it is about has other records. */
const TOLD_OTHERWISE = new Set(["dm", "sub", "gpu", "uio"]);

/** No name in a file system is longer (NAME_MAX), and so none in sysfs. */
const MAX_NAME_CHARACTERS = 255;

/** Each line is a kind and the rest. */
export function groupByKind(lines: readonly string[]): FactRecords {
  if (lines.length > ANSWER_LIMITS.records) throw new Error(`there are too many records (${lines.length})`);
  const records = new Map<string, string[]>();
  const words = new Map<string, number>();
  for (const line of lines) {
    const [, kind, rest] = /^([a-z]+) ?(.*)$/s.exec(line) ?? [];
    if (kind === undefined || rest === undefined) throw unreadableRecordError(line);
    const ofKind = records.get(kind) ?? [];
    records.set(kind, ofKind);
    ofKind.push(rest);
    const limit = LIMITS[kind] ?? OTHER_LIMIT;
    if (limit.words < Infinity) words.set(kind, (words.get(kind) ?? 0) + rest.split(" ").length);
    if (ofKind.length > limit.records || (words.get(kind) ?? 0) > limit.words)
      throw new Error(`there are too many records of kind "${kind.slice(0, 20)}"`);
  }
  return records;
}

/**
 * `NAME [WORD...] /sys/devices/...` The kernel forbids the blanks of ASCII in a name, and none else: a name
 * may have an ideographic space in it.
 */
export function splitRecord(record: string): { name: string; words: readonly string[]; path: string } {
  const [, name, words, path] = /^([^ ]+)((?: +[^ /][^ ]*)*) +(\/.*)$/s.exec(record) ?? [];
  if (name === undefined || words === undefined || path === undefined || isTooLong(name))
    throw unreadableRecordError(record);
  return { name, words: words.split(" ").filter((word) => word !== ""), path };
}

/** The first word, and all that follows it. */
export function splitOnce(text: string): [string, string] {
  const [, first = "", rest = ""] = /^([^ ]*) ?(.*)$/s.exec(text) ?? [];
  return [first, rest];
}

/** The PCI function that a word of a record names. @throws Error if the word is not an address */
export function parseHostAddress(word: string): PciAddress {
  const hostAddress = findPciAddress(word);
  if (hostAddress === undefined) throw unreadableRecordError(word);
  return hostAddress;
}

/** Whether it is no name of the kernel's. */
export function isTooLong(name: string): boolean {
  return name.length > MAX_NAME_CHARACTERS;
}

/** What the records of a kind say, as far as they can be read. */
export interface ReadRecords<T> {
  readonly read: readonly T[];
  readonly unread: readonly UnreadPart[];
  /** Of the records that cannot be read: of these functions it is not known what they are used for. */
  readonly unreadFunctions: readonly PciAddress[];
}

/**
 * Reads each record by itself: one that has not its form is of some function, or of a device that is none.
 *
 * @throws Error if it does not tell of which
 */
export function readEach<T>(
  records: readonly string[],
  kind: string,
  parse: (record: string) => T,
): ReadRecords<T> {
  const read: T[] = [];
  const unread: UnreadPart[] = [];
  const unreadFunctions: PciAddress[] = [];
  for (const record of records)
    try {
      read.push(parse(record));
    } catch (error) {
      const first = findPciAddress(record.split(" ")[0] ?? "");
      const onIt = functionsOnPath(record);
      if (onIt.length > 0) for (const one of onIt) unreadFunctions.push(one);
      else if (first !== undefined) unreadFunctions.push(first);
      else if (!record.includes(" /sys/devices/virtual/") && !TOLD_OTHERWISE.has(kind)) throw error;
      if (unread.length < MOST_UNREAD)
        unread.push({ part: "record", reason: `${kind} ${record}`.slice(0, 80) });
    }
  return { read, unread, unreadFunctions };
}

/** For a record that has not the form of its kind. */
export function unreadableRecordError(record: string): Error {
  return new Error(`unreadable record "${record.slice(0, 80)}"`);
}
