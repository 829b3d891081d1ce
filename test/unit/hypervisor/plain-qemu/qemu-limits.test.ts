import { qemuLimitsOf } from "../../../../provider/hypervisor/plain-qemu/qemu-limits";
import type {
  GroupNode,
  HostLook,
  QemuProcess,
} from "../../../../provider/hypervisor/plain-qemu/program/host-look";

const vm: QemuProcess = {
  pid: 4711,
  uid: 1000,
  user: "vm",
  groups: ["1000", "vm", "36", "kvm"],
  capabilities: 0n,
  lockedMemoryBytes: 8 * 1024 ** 2,
  unit: "vm100.service",
  isLibvirts: false,
};
const node: GroupNode = { iommuGroup: 5, uid: 0, gid: 0, mode: 0o600, owner: "root" };

function look(qemu: QemuProcess | undefined, more: Partial<HostLook> = {}): HostLook {
  return {
    hostUuid: "h",
    socket: "listening",
    ...(qemu && { qemu }),
    functions: new Map(),
    ledger: [],
    sameSocket: new Set(),
    nodes: [],
    users: [],
    unlisted: new Set(),
    monitorHolders: new Set(),
    rules: [],
    ...more,
  };
}
const closedTo = (one: HostLook): boolean => qemuLimitsOf(one, "/dev/vfio", [5])?.closedNodes.length === 1;

test("nothing is known where no process was found", () => {
  expect(qemuLimitsOf(look(undefined), "/dev/vfio", [5])).toBeUndefined();
});

test("root, or the capabilities that count, confine nothing", () => {
  const root = { ...vm, uid: 0, user: "root", capabilities: 0x1fffeffffffn };
  expect(qemuLimitsOf(look(root, { nodes: [node] }), "/dev/vfio", [5])).toEqual({
    pid: 4711,
    user: "root",
    unit: "vm100.service",
    closedNodes: [],
  });
});

test("a user's lock limit is told, and the closed node with its owner", () => {
  expect(qemuLimitsOf(look(vm, { nodes: [node] }), "/dev/vfio", [5])).toEqual({
    pid: 4711,
    user: "vm",
    unit: "vm100.service",
    lockedMemoryBytes: 8388608,
    closedNodes: [{ iommuGroup: 5, path: "/dev/vfio/5", owner: "root" }],
  });
  expect(qemuLimitsOf(look({ ...vm, user: "" }), "/dev/vfio", [])?.user).toBe("1000");
});

test.each([
  ["its owner may", { uid: 1000 }, false],
  ["its group may", { gid: 36, mode: 0o660 }, false],
  ["its group may read only", { gid: 36, mode: 0o640 }, true],
  ["everybody may", { mode: 0o666 }, false],
  ["root alone may", {}, true],
  ["its owner may not, though everybody else does", { uid: 1000, mode: 0o066 }, true],
])("a node that is there: %s", (_name, change, isClosed) => {
  expect(closedTo(look(vm, { nodes: [{ ...node, ...change }] }))).toBe(isClosed);
});

test.each([
  [[], true],
  [['SUBSYSTEM=="vfio", OWNER="vm"'], false],
  [['SUBSYSTEM=="vfio", OWNER="1000"'], false],
  [['SUBSYSTEM=="vfio", OWNER="other"'], true],
  [['SUBSYSTEM=="vfio", GROUP="kvm"'], false],
  [['SUBSYSTEM=="vfio", GROUP="kvm", MODE="0640"'], true],
  [['SUBSYSTEM=="vfio", GROUP:="other", MODE="0660"'], true],
  [['SUBSYSTEM=="vfio", MODE="0666"'], false],
  [['SUBSYSTEM=="vfio", TAG+="x"', 'SUBSYSTEM=="vfio", MODE="0666"'], false],
])("a node that is not there yet, by udev's rules %j: closed %s", (rules, isClosed) => {
  expect(closedTo(look(vm, { rules }))).toBe(isClosed);
});
