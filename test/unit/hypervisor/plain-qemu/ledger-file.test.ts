import fc from "fast-check";
import {
  isDriverName,
  parseLedgerFile,
  recordInFile,
  writeLedgerFile,
  type LedgerFile,
} from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import { anyText } from "../../../support/any-text";
import { at } from "../../../support/desired";

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
        { hostAddress: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" },
        { hostAddress: at("0000:01:00.1") },
      ],
    },
  ],
  unread: [],
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
    fc.property(anyText({ minLength: 1 }), (owner) => {
      const one = { ...file, entries: file.entries.map((entry) => ({ ...entry, owner })) };
      const text = writeLedgerFile(one);
      expect(text).not.toMatch(/[\n\r\0]/);
      expect(parseLedgerFile("it", text)).toEqual(one);
    }),
  );
});

test("keeps the driver_override of a function, beside what a later release may add", () => {
  const functions = [{ hostAddress: at("0000:01:00.0"), hostDriver: "e1000e", driverOverride: "e1000e" }];
  const [entry] = file.entries.map((one) => ({ ...one, functions }));
  const text = writeLedgerFile({ ...file, entries: [entry!] });
  expect(text).toContain('{"address":"0000:01:00.0","hostDriver":"e1000e","driverOverride":"e1000e"}');
  expect(parseLedgerFile("it", text).entries).toEqual([entry]);
  const later = text.replace('"driverOverride"', '"other":1,"driverOverride"');
  const without = { ...entry!, functions: [{ hostAddress: at("0000:01:00.0"), hostDriver: "e1000e" }] };
  expect(recordInFile(later, file, without)).toContain(
    '{"address":"0000:01:00.0","hostDriver":"e1000e","other":1}',
  );
});

test("keeps the ROM of a function", () => {
  const functions = [
    { hostAddress: at("0000:01:00.0"), guestFunction: 0, romFile: '/usr/share/qemu/efi-"e".rom' },
    { hostAddress: at("0000:01:00.1"), guestFunction: 1, romBar: false },
  ];
  const one = { ...file, entries: file.entries.map((entry) => ({ ...entry, functions })) };
  expect(parseLedgerFile("it", writeLedgerFile(one))).toEqual(one);
});

/** As it stands on a host; the form itself is pinned above. */
const onHost = JSON.parse(writeLedgerFile(file)) as { readonly entries: readonly object[] };
const changed = (change: object): string => JSON.stringify({ ...onHost, ...change });
const withEntry = (change: object): string => changed({ entries: [{ ...onHost.entries[0], ...change }] });
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
  ["an entry that is none", changed({ entries: ["x"] })],
  ["functions that are no list", withEntry({ functions: {} })],
  ["an address that is none", withFunction({ address: "$(reboot)" })],
])("%s is an error that names the file, and never an empty ledger", (_name, text) => {
  expect(() => parseLedgerFile("guest-1.json", text)).toThrow(
    /guest-1\.json.*Nothing was touched.*\[LEDGER_UNREADABLE\]/,
  );
});

test.each([
  ["a slot that is none", withEntry({ slot: { bus: "pci.4", slot: 32, kind: "pcie-acpi" } })],
  ["a kind that is none", withEntry({ slot: { bus: "pci.4", slot: 0, kind: "isa" } })],
  ["no slot", withEntry({ slot: undefined })],
  ["guest function 8", withFunction({ guestFunction: 8 })],
  ["a ROM file that is none", withFunction({ romFile: 1 })],
  ["a ROM that is on or off by a word", withFunction({ romBar: "off" })],
  ["a driver that is a path", withFunction({ hostDriver: "../x" })],
  ["a driver_override that is a path", withFunction({ driverOverride: "../x" })],
  ["a driver_override that is none", withFunction({ driverOverride: 1 })],
])("%s: the entry is carried along, and says which functions to leave alone", (_name, text) => {
  const { entries, unread } = parseLedgerFile("guest-1.json", text);
  const { owner, tag } = file.entries[0]!;
  expect(entries).toEqual([]);
  expect(unread).toMatchObject([{ owner, tag }]);
  expect(unread[0]?.addresses).toContain("0000:01:00.0");
});

test("an entry that has no functions is carried along, whatever it is", () => {
  const { entries, unread } = parseLedgerFile(
    "it",
    changed({ entries: [...onHost.entries, { kind: "later" }] }),
  );
  expect(entries).toEqual(file.entries);
  expect(unread).toEqual([{ addresses: [] }]);
});

test("keeps an entry's incarnation and time, and passes malformed ones over", () => {
  const made = { incarnation: "0123456789abcdef".repeat(2), since: "2026-11-29T12:00:00Z" };
  const entries = file.entries.map((one) => ({ ...one, ...made }));
  expect(parseLedgerFile("it", writeLedgerFile({ ...file, entries }))).toEqual({ ...file, entries });
  for (const strange of [
    { incarnation: "A".repeat(32) },
    { incarnation: 1 },
    { since: "2026-11-29" },
    { since: "2026-13-29T12:00:00Z" },
    { since: 0 },
  ])
    expect(parseLedgerFile("it", withEntry(strange))).toEqual(file);
});

test("what 0.1.0 wrote is read, and is written in ASCII from then on", () => {
  const owner = "organization/网卡/dev/karte-für-e\u0301-🙂-שלום";
  const romFile = "/usr/share/für.rom";
  const functions = [{ hostAddress: at("0000:01:00.0"), romFile }];
  const entries = [{ ...file.entries[0]!, owner, functions }];
  // 0.1.0's own way: JSON.stringify of the same
  const asWritten = [{ ...onHost.entries[0], owner, functions: [{ address: "0000:01:00.0", romFile }] }];
  const written = JSON.stringify({ version: 1, guest, socket: file.socket, entries: asWritten });
  expect(written).toContain("网卡");
  expect(parseLedgerFile("it", written).entries).toEqual(entries);
  const again = writeLedgerFile({ ...file, entries });
  expect(again).toMatch(/^[ -~]*$/);
  expect(parseLedgerFile("it", again).entries).toEqual(entries);
});

test("a driver's name is one word, with one meaning in path and request", () => {
  for (const name of ["e1000e", "mlx5_core", "vfio-pci", "snd_hda_intel"])
    expect(isDriverName(name)).toBe(true);
  for (const name of ["-", "?", "", "a b", "a/b", "a=b", "x".repeat(65), "a\n"])
    expect(isDriverName(name)).toBe(false);
});
