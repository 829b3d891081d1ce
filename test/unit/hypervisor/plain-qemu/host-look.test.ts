import { parseHostLook, type HostLook } from "../../../../provider/hypervisor/plain-qemu/program/host-look";
import {
  findMachineUuid,
  findUuid,
  uuidOfSocket,
} from "../../../../provider/hypervisor/plain-qemu/guest-uuid";

const parse = (text: string): HostLook =>
  parseHostLook(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const at = line.indexOf(" ");
        return at < 0 ? { kind: line, text: "" } : { kind: line.slice(0, at), text: line.slice(at + 1) };
      }),
    "root@hv1:22",
  );

/** A Linux 6.12 with an emulated VT-d and four e1000e, two of them bound; the process is made up. */
const look = `
host - 0123456789abcdef0123456789abcdef
socket listening
path /run/qemu/vm100.qmp
function 0000:01:00.0 0x8086 0x10d3 0x020000 vfio-pci 3
cdev vfio0 0000:01:00.0
function 0000:01:00.1 0x8086 0x10d3 0x020000 e1000e 3 e1000e
unlisted 0000:01:00.1
function 0000:00:01.0 0x1b36 0x000c 0x060400 pcieport 3 -
function 0000:00:02.0 - - - - -
function 0000:00:1f.0 0x8086 0x2918 0x060100 - 9 - 0
function 0000:00:1f.1 0x8086 0x2918 0x068000 - 9 - 0
node /dev/vfio/3 0 0 600 root
open 1 3 init
open 179 devices/vfio0 my qemu
open 180 noiommu-7 x
qemu 4711 1000 0000000000000000 8388608 qemu-system-x86
holder 4711
holder 179
user vm
group 1000 vm
group 36
unit vm100.service
rule SUBSYSTEM=="vfio", OWNER="vm"
`;

test("tells host, socket, process, functions, nodes and who has them open", () => {
  const found = parse(look);
  expect(found).toMatchObject({
    hostUuid: "01234567-89ab-cdef-0123-456789abcdef",
    socket: "listening",
    socketPath: "/run/qemu/vm100.qmp",
    qemu: {
      pid: 4711,
      uid: 1000,
      user: "vm",
      groups: ["1000", "vm", "36"],
      lockedMemoryBytes: 8388608,
      unit: "vm100.service",
    },
    nodes: [{ iommuGroup: 3, uid: 0, gid: 0, mode: 0o600, owner: "root" }],
    users: [
      { pid: 1, command: "init", iommuGroup: 3 },
      { pid: 179, command: "my qemu", iommuGroup: 3 },
      { pid: 180, command: "x", iommuGroup: 7 },
    ],
    rules: ['SUBSYSTEM=="vfio", OWNER="vm"'],
  });
  expect([...found.monitorHolders, ...found.unlisted]).toEqual([4711, 179, "0000:01:00.1"]);
  expect([...found.functions.values()]).toEqual([
    {
      hostAddress: "0000:01:00.0",
      vendorId: "0x8086",
      productId: "0x10d3",
      isBridge: false,
      driver: "vfio-pci",
      iommuGroup: 3,
    },
    {
      hostAddress: "0000:01:00.1",
      vendorId: "0x8086",
      productId: "0x10d3",
      isBridge: false,
      driver: "e1000e",
      driverOverride: "e1000e",
      iommuGroup: 3,
    },
    {
      hostAddress: "0000:00:01.0",
      vendorId: "0x1b36",
      productId: "0x000c",
      isBridge: true,
      driver: "pcieport",
      iommuGroup: 3,
    },
    { hostAddress: "0000:00:02.0", vendorId: "", productId: "", isBridge: false },
    {
      hostAddress: "0000:00:1f.0",
      ...{ vendorId: "0x8086", productId: "0x2918" },
      ...{ isBridge: false, isMachineBridge: true },
      iommuGroup: 9,
    },
    {
      hostAddress: "0000:00:1f.1",
      ...{ vendorId: "0x8086", productId: "0x2918" },
      isBridge: false,
      iommuGroup: 9,
    },
  ]);
});

test("a process without limit, of libvirt's, or that cannot be told", () => {
  expect(parse(look.replace("8388608", "unlimited")).qemu?.lockedMemoryBytes).toBeUndefined();
  expect(parse(`${look}libvirt`).qemu?.isLibvirts).toBe(true);
  expect(parse(look).qemu?.isLibvirts).toBe(false);
  expect(parse(look.replace(/^qemu .*$/m, "")).qemu).toBeUndefined();
});

test.each([
  ["a function that is none", "function x y z", "HOST_PROGRAM_FAILED"],
  ["a group that is no number", "function 0000:01:00.0 a b 0x020000 e1000e 3x", "HOST_PROGRAM_FAILED"],
  ["a ledger that cannot be read", "ledger guest-1.json {}", "LEDGER_UNREADABLE"],
])("%s is an error", (_name, line, code) => {
  expect(() => parse(`${look}${line}`)).toThrow(`[${code}]`);
});

test("a host without any UUID, or a socket in no known state", () => {
  expect(() => parse(look.replace(/^host .*$/m, "host - -"))).toThrow(
    /systemd-machine-id-setup.*HOST_WITHOUT_UUID/,
  );
  expect(() => parse(look.replace("socket listening", "socket open"))).toThrow(/HOST_PROGRAM_FAILED/);
});

test("UUIDs: of firmware, of the machine id, of a guest that has none", () => {
  expect(findUuid("4C4C4544-0042-3510-8052-B4C04F4E4E32\n")).toBe("4c4c4544-0042-3510-8052-b4c04f4e4e32");
  expect(findUuid("00000000-0000-0000-0000-000000000000")).toBeUndefined();
  expect(findUuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")).toBeUndefined();
  expect(findUuid("Not Settable")).toBeUndefined();
  expect(findMachineUuid("0123456789abcdef0123456789abcdef\n")).toBe("01234567-89ab-cdef-0123-456789abcdef");
  expect(findMachineUuid("-")).toBeUndefined();
  const own = uuidOfSocket("h1", "/run/a");
  expect(findUuid(own)).toBe(own);
  expect(
    new Set([own, uuidOfSocket("h2", "/run/a"), uuidOfSocket("h1", "/run/b"), uuidOfSocket("h1", "/run/a")])
      .size,
  ).toBe(3);
});
