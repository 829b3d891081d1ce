import { parseLedgerFile, writeLedgerFile } from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import { PlainLedger } from "../../../../provider/hypervisor/plain-qemu/plain-ledger";
import type { LedgerEntry } from "../../../../provider/plan";
import { at } from "../../../support/desired";

const { signal } = new AbortController();
const guest = { uuid: "33333333-3333-4333-8333-333333333333", name: "/run/vm.qmp" };
const NAME = `guest-${guest.uuid}.json`;

const entryOf = (n: number): LedgerEntry => ({
  owner: `organization/net/dev/nic${n}`,
  tag: `0123456789a${n}`,
  slot: { bus: `pci.${n}`, slot: 0, kind: "pcie-acpi" },
  functions: [{ hostAddress: at(`0000:0${n}:00.0`), guestFunction: 0, hostDriver: "e1000e" }],
});
const [first, second, third] = [1, 2, 3].map(entryOf) as [LedgerEntry, LedgerEntry, LedgerEntry];

const fileOf = (entries: readonly LedgerEntry[]): string | undefined =>
  entries.length === 0 ? undefined : writeLedgerFile({ guest, socket: guest.name, entries });

/** A ledger after a look that has found this text, or none, over a file that has another. */
function sceneOf(seen: { readonly text?: string } | undefined, inFile: string | undefined) {
  const asked: string[] = [];
  let left = seen;
  const ledger = new PlainLedger({
    requests: {
      look: async (request) => {
        asked.push(request);
        return inFile === undefined ? [] : [{ kind: "ledger", text: `${NAME} ${inFile}` }];
      },
      change: async (request) => {
        asked.push(request);
        return [];
      },
    },
    filesFor: () => [{ guest, socket: guest.name }],
    takeSeen: () => {
      const taken = left;
      left = undefined;
      return taken;
    },
  });
  /** The last file that was written; undefined where it was removed. */
  const writtenText = (): string | undefined => {
    const [, , text] = /^write (\S+) -(?: (.*))?$/s.exec(asked.at(-1)!)!;
    return text;
  };
  const written = (): string[] | undefined => {
    const text = writtenText();
    return text === undefined ? undefined : parseLedgerFile(NAME, text).entries.map((one) => one.owner);
  };
  return { ledger, asked, written, writtenText };
}

/** The same, by entries. */
function scene(seen: readonly LedgerEntry[] | undefined, inFile: readonly LedgerEntry[]) {
  const text = seen && fileOf(seen);
  return sceneOf(seen && (text === undefined ? {} : { text }), fileOf(inFile));
}

test("an entry is added by one request to what the locked look found", async () => {
  const { ledger, asked, written } = scene([first], [third]);
  await ledger.record(second, ["host"], signal);
  expect(asked).toHaveLength(1);
  expect(written()).toEqual([first.owner, second.owner]);
});

test("the file goes with its last entry, by one request", async () => {
  const { ledger, asked, written } = scene([first], [third]);
  await ledger.erase(first, ["host"], signal);
  expect(asked).toHaveLength(1);
  expect(written()).toBeUndefined();
});

test("a second change reads the file, because the look is older than the first", async () => {
  const { ledger, asked, written } = scene([first], [first, second]);
  await ledger.record(second, ["host"], signal);
  await ledger.erase(first, ["host"], signal);
  expect(asked.map((one) => one.split(" ")[0])).toEqual(["write", "ledger", "write"]);
  expect(written()).toEqual([second.owner]);
});

test("without a look the file is read", async () => {
  const { ledger, asked, written } = scene(undefined, [third]);
  await ledger.record(second, ["host"], signal);
  expect(asked[0]).toBe(`ledger ${guest.uuid}`);
  expect(written()).toEqual([third.owner, second.owner]);
});

test("an entry of another making is left, without a request to write", async () => {
  const [mine, others] = ["1", "2"].map((digit) => ({ ...first, incarnation: digit.repeat(32) }));
  const { ledger, asked } = scene([others!, second], []);
  await ledger.erase(mine!, ["host"], signal);
  await sceneOf({}, undefined).ledger.erase(mine!, ["host"], signal);
  expect(asked).toEqual([]);
  const same = scene([mine!, second], []);
  await same.ledger.erase(mine!, ["host"], signal);
  expect(same.written()).toEqual([second.owner]);
});

/** The entry in the form that its file has. */
const inFile = ({ functions, ...entry }: LedgerEntry): Record<string, unknown> & { functions: object[] } => ({
  ...entry,
  functions: functions.map(({ hostAddress, ...others }) => ({ address: hostAddress, ...others })),
});

test("what is not understood is kept by a write: keys, entries and values", async () => {
  const later = {
    version: 1,
    later: { note: "für 🙂", list: [1, { __proto__: null }] },
    guest: { ...guest, name: "before", colour: "grün" },
    socket: "/run/before.qmp",
    entries: [
      {
        ...inFile(first),
        colour: "grün",
        slot: { ...first.slot, width: 16 },
        functions: [{ ...inFile(first).functions[0], speed: 8 }],
      },
      { kind: "reservation", slot: "pci.9" },
      { ...inFile(second), slot: { bus: "pci.2", slot: 0, kind: "pcie-later" }, since: "long ago" },
    ],
  };
  const { ledger, writtenText } = sceneOf({ text: JSON.stringify(later) }, undefined);
  await ledger.record(third, ["host"], signal);
  expect(writtenText()).toMatch(/^[ -~]*$/);
  expect(JSON.parse(writtenText() ?? "")).toEqual({
    ...later,
    guest: { ...guest, colour: "grün" },
    socket: guest.name,
    entries: [...later.entries, inFile(third)],
  });
  const own = sceneOf({ text: JSON.stringify(later) }, undefined);
  const [address] = first.functions.map((one) => one.hostAddress);
  const changed: LedgerEntry = { ...first, functions: [{ hostAddress: address! }] };
  await own.ledger.record(changed, ["host"], signal);
  expect(JSON.parse(own.writtenText() ?? "")).toMatchObject({
    entries: [
      later.entries[1],
      later.entries[2],
      {
        owner: first.owner,
        colour: "grün",
        slot: { ...first.slot, width: 16 },
        functions: [{ address, speed: 8 }],
      },
    ],
  });
  expect(own.writtenText()).not.toContain('e1000e"}],"colour');
});

test("a file with something unknown stays when its last known entry goes", async () => {
  const text = JSON.stringify({ version: 1, guest, socket: guest.name, entries: [inFile(first)], later: 1 });
  const { ledger, writtenText } = sceneOf({ text }, undefined);
  await ledger.erase(first, ["host"], signal);
  expect(JSON.parse(writtenText() ?? "")).toEqual({
    version: 1,
    guest,
    socket: guest.name,
    entries: [],
    later: 1,
  });
});

test.each([
  ["a version of later", { version: 2 }],
  ["an entry of the owner's that is not understood", { entries: [{ ...inFile(first), slot: { bus: 1 } }] }],
  ["one with the tag", { entries: [{ ...inFile(first), owner: "o", slot: { bus: 1 } }] }],
  ["one of which nobody knows what it has", { entries: [{ functions: [{}] }] }],
])("%s is not written over", async (_name, change) => {
  const text = JSON.stringify({ version: 1, guest, socket: guest.name, entries: [], ...change });
  for (const seen of [{ text }, undefined]) {
    const { ledger, asked } = sceneOf(seen, text);
    await expect(ledger.record(first, ["host"], signal)).rejects.toMatchObject({ code: "LEDGER_UNREADABLE" });
    await expect(ledger.erase(first, ["host"], signal)).rejects.toMatchObject({ code: "LEDGER_UNREADABLE" });
    expect(asked.filter((one) => one.startsWith("write"))).toEqual([]);
  }
});

describe("a guest with a file for each of two spellings of its socket", () => {
  const other = { uuid: "44444444-4444-4444-8444-444444444444", name: "/var/run/vm.qmp" };
  const files = [guest, other].map((one) => ({ guest: one, socket: one.name }));

  function withTwo(inFiles: Record<string, readonly LedgerEntry[]>) {
    const written: string[] = [];
    const present = new Map(Object.entries(inFiles));
    const ledger = new PlainLedger({
      requests: {
        look: async (request) => {
          const uuid = request.split(" ")[1]!;
          const found = files.find((one) => one.guest.uuid === uuid)!;
          const entries = present.get(uuid) ?? [];
          return entries.length === 0
            ? []
            : [{ kind: "ledger", text: `guest-${uuid}.json ${writeLedgerFile({ ...found, entries })}` }];
        },
        change: async (request) => {
          const [, uuid = "", text] = /^write (\S+) -(?: (.*))?$/s.exec(request)!;
          const file = text === undefined ? undefined : parseLedgerFile("the file", text);
          present.set(uuid, file?.entries ?? []);
          written.push(`${uuid === guest.uuid ? "first" : "other"} ${file?.socket ?? "removed"}`);
          return [];
        },
      },
      filesFor: () => files as [(typeof files)[0], (typeof files)[0]],
      takeSeen: () => undefined,
    });
    const owners = (): string[][] =>
      files.map((one) => (present.get(one.guest.uuid) ?? []).map((e) => e.owner));
    return { ledger, written, owners };
  }

  it("has an entry in one of two files from its next record on", async () => {
    const { ledger, written, owners } = withTwo({ [guest.uuid]: [first], [other.uuid]: [first, third] });
    await ledger.record({ ...first, incarnation: "1".repeat(32) }, ["host"], signal);
    expect(owners()).toEqual([[first.owner], [third.owner]]);
    // never a moment without it; and each file keeps the socket of which its UUID is made
    expect(written).toEqual([`first ${guest.name}`, `other ${other.name}`]);
  });

  it("loses an entry from both", async () => {
    const { ledger, owners } = withTwo({ [guest.uuid]: [first, second], [other.uuid]: [first] });
    await ledger.erase(first, ["host"], signal);
    expect(owners()).toEqual([[second.owner], []]);
  });
});
