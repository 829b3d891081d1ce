import { parseLedgerFile, writeLedgerFile } from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import { PlainLedger } from "../../../../provider/hypervisor/plain-qemu/plain-ledger";
import type { LedgerEntry } from "../../../../provider/plan";
import { at } from "../../../support/wanted";

const { signal } = new AbortController();
const guest = { uuid: "33333333-3333-4333-8333-333333333333", name: "/run/vm.qmp" };
const NAME = `guest-${guest.uuid}.json`;

const entryOf = (n: number): LedgerEntry => ({
  owner: `organization/net/dev/nic${n}`,
  tag: `0123456789a${n}`,
  slot: { bus: `pci.${n}`, slot: 0, kind: "pcie-acpi" },
  functions: [{ address: at(`0000:0${n}:00.0`), guestFunction: 0, hostDriver: "e1000e" }],
});
const [first, second, third] = [1, 2, 3].map(entryOf) as [LedgerEntry, LedgerEntry, LedgerEntry];

/** A ledger after a look that has found these entries, over a file that holds others. */
function scene(seen: readonly LedgerEntry[] | undefined, inFile: readonly LedgerEntry[]) {
  const asked: string[] = [];
  let left = seen;
  const ledger = new PlainLedger({
    requests: {
      look: async (request) => {
        asked.push(request);
        const text = `${NAME} ${writeLedgerFile({ guest, socket: guest.name, entries: inFile })}`;
        return inFile.length === 0 ? [] : [{ kind: "ledger", text }];
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
  /** Owners in the last file that was written; undefined where it was removed. */
  const written = (): string[] | undefined => {
    const [, , text] = /^write (\S+)(?: (.*))?$/s.exec(asked.at(-1)!)!;
    return text === undefined ? undefined : parseLedgerFile(NAME, text).entries.map((one) => one.owner);
  };
  return { ledger, asked, written };
}

test("an entry is added to what the look under the lock has found, by one request", async () => {
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

test("a second change reads the file: what the look has found is that of before the first", async () => {
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
          const [, uuid = "", text] = /^write (\S+)(?: (.*))?$/s.exec(request)!;
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

  it("has an entry that stands in both in one of them from its next record on, and the rest where it was", async () => {
    const { ledger, written, owners } = withTwo({ [guest.uuid]: [first], [other.uuid]: [first, third] });
    await ledger.record(first, ["host"], signal);
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
