/** Records of the helper's survey by kind; see host-helper-program.ts. */
export type SurveyRecords = ReadonlyMap<string, readonly string[]>;

/** Each line is a kind and the rest. */
export function groupByKind(lines: readonly string[]): SurveyRecords {
  const records = new Map<string, string[]>();
  for (const line of lines) {
    const [, kind, rest] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    if (kind === undefined || rest === undefined) throw unreadable(line);
    records.set(kind, [...(records.get(kind) ?? []), rest]);
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
