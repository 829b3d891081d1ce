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
    socket: guest.name,
    guest: () => guest,
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
