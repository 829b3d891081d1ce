/** Records of the helper's survey by kind; see host-helper-program.ts. */
export type SurveyRecords = ReadonlyMap<string, readonly string[]>;

/**
 * Most records of a kind, and most words in all of them: several times what a host with five hundred disks on four
 * paths each, or a thousand guests' interfaces, has. What is made of what is followed from each to its end, so that
 * the time is their product; a host that has more is refused, as one that lies.
 */
const LIMITS: Readonly<Record<string, { readonly records: number; readonly words: number }>> = {
  net: { records: 5_000, words: 20_000 },
  blk: { records: 5_000, words: 20_000 },
  btrfs: { records: 1_000, words: 5_000 },
};
const OTHER_LIMIT = { records: 50_000, words: Infinity };

/** Each line is a kind and the rest. */
export function groupByKind(lines: readonly string[]): SurveyRecords {
  const records = new Map<string, string[]>();
  const words = new Map<string, number>();
  for (const line of lines) {
    const [, kind, rest] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    if (kind === undefined || rest === undefined) throw unreadable(line);
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

/** `NAME [WORD...] /sys/devices/...` */
export function splitRecord(record: string): { name: string; words: readonly string[]; path: string } {
  const [, name, words, path] = /^(\S+)((?: +[^\s/]\S*)*) +(\/.*)$/s.exec(record) ?? [];
  if (name === undefined || words === undefined || path === undefined) throw unreadable(record);
  return { name, words: words.split(" ").filter((word) => word !== ""), path };
}

/** The first word, and all that follows it. */
export function splitOnce(text: string): [string, string] {
  const [, first = "", rest = ""] = /^(\S*) ?(.*)$/s.exec(text) ?? [];
  return [first, rest];
}

/** The nearest PCI function on a path in sysfs. */
export function pciAddressOn(path: string): { pciAddress?: string } {
  const found = path.match(/(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g);
  const pciAddress = found?.at(-1);
  return pciAddress === undefined ? {} : { pciAddress };
}

/** For a record that has not the form of its kind. */
export function unreadable(record: string): Error {
  return new Error(`unreadable record "${record.slice(0, 80)}"`);
}
