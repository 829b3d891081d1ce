import fc from "fast-check";
import {
  isDriverName,
  parseLedgerFile,
  writeLedgerFile,
  type LedgerFile,
} from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import { at } from "../../../support/wanted";

const guest = { uuid: "33333333-3333-4333-8333-333333333333", name: "/run/vm.qmp" };
const file: LedgerFile = {
  guest,
  socket: "/run/vm.qmp",
  entries: [
    {
      owner: "organization/net/dev/nic",
      tag: "0123456789ab",
      slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
      functions: [
        { address: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" },
        { address: at("0000:01:00.1") },
      ],
    },
  ],
};

test("has the form that is permanent", () => {
  expect(writeLedgerFile(file)).toBe(
    '{"version":1,"guest":{"uuid":"33333333-3333-4333-8333-333333333333","name":"/run/vm.qmp"},"socket":"/run/vm.qmp",' +
      '"entries":[{"owner":"organization/net/dev/nic","tag":"0123456789ab","slot":{"bus":"pci.4","slot":0,"kind":"pcie-acpi"},' +
      '"functions":[{"address":"0000:01:00.0","guestFunction":0,"hostDriver":"e1000e"},{"address":"0000:01:00.1"}]}]}',
  );
});

test("comes back as it was written, in one line, whatever the owner is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (owner) => {
      const one = { ...file, entries: file.entries.map((entry) => ({ ...entry, owner })) };
      const text = writeLedgerFile(one);
      expect(text).not.toMatch(/[\n\r\0]/);
      expect(parseLedgerFile("it", text)).toEqual(one);
    }),
  );
});

test("keeps the ROM of a function", () => {
  const functions = [
    { address: at("0000:01:00.0"), guestFunction: 0, romFile: '/usr/share/qemu/efi-"e".rom' },
    { address: at("0000:01:00.1"), guestFunction: 1, romBar: false },
  ];
  const one = { ...file, entries: file.entries.map((entry) => ({ ...entry, functions })) };
  expect(parseLedgerFile("it", writeLedgerFile(one))).toEqual(one);
});

const changed = (change: object): string => JSON.stringify({ version: 1, ...file, ...change });
const withEntry = (change: object): string => changed({ entries: [{ ...file.entries[0], ...change }] });
const withFunction = (change: object): string =>
  withEntry({ functions: [{ address: "0000:01:00.0", ...change }] });

test.each([
  ["nothing", ""],
  ["half of one", writeLedgerFile(file).slice(0, 100)],
  ["another version", changed({ version: 2 })],
  ["no guest", changed({ guest: undefined })],
  ["a guest without UUID", changed({ guest: { uuid: "x", name: "y" } })],
  ["entries that are no list", changed({ entries: {} })],
  ["an entry without owner", withEntry({ owner: "" })],
  ["another form of tag", withEntry({ tag: "../../etc" })],
  ["a slot that is none", withEntry({ slot: { bus: "pci.4", slot: 32, kind: "pcie-acpi" } })],
  ["a kind that is none", withEntry({ slot: { bus: "pci.4", slot: 0, kind: "isa" } })],
  ["an address that is none", withFunction({ address: "$(reboot)" })],
  ["guest function 8", withFunction({ guestFunction: 8 })],
  ["a ROM file that is none", withFunction({ romFile: 1 })],
  ["a ROM that is on or off by a word", withFunction({ romBar: "off" })],
  ["a driver that is a path", withFunction({ hostDriver: "../x" })],
])("%s is an error that names the file, and never an empty ledger", (_name, text) => {
  expect(() => parseLedgerFile("guest-1.json", text)).toThrow(
    /guest-1\.json.*Nothing was touched.*\[LEDGER_UNREADABLE\]/,
  );
});

test("a driver's name is one word that neither a path nor a request gives another meaning", () => {
  for (const name of ["e1000e", "mlx5_core", "vfio-pci", "snd_hda_intel"])
    expect(isDriverName(name)).toBe(true);
  for (const name of ["-", "?", "", "a b", "a/b", "a=b", "x".repeat(65), "a\n"])
    expect(isDriverName(name)).toBe(false);
});
