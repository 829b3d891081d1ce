import { composeReport, type InspectionInput, type PciReport } from "../../../provider/inspect";
import type { HostFacts } from "../../../provider/host/facts";
import type { PciAddress } from "../../../provider/pci";
import type { Holding } from "../../../provider/plan";
import { nothingUsed } from "../../support/host-facts";
import {
  attachment,
  card,
  GUEST,
  observed,
  OTHER,
  input,
  port,
  upInterface,
} from "../../support/inspection-inputs";

const NIC = "0000:01:00";
const four = [0, 1, 2, 3];

function answer(shown: InspectionInput, device = NIC) {
  return deviceOf(composeReport(shown), device).attach;
}

function deviceOf({ devices }: PciReport, address: string) {
  return devices.find((one) => one.address === address)!;
}

test("a card that nobody uses can be attached whole; its interfaces leave the host", () => {
  const facts: HostFacts = {
    ...nothingUsed,
    interfaces: [upInterface("eth2", `${NIC}.0`), upInterface("eth3", `${NIC}.1`)],
  };
  expect(answer(input(card(NIC, { shared: 7 }), { facts }))).toEqual({
    possible: "whole",
    functions: four,
    leftovers: "refuse",
    allowInUse: false,
    consequences: ["leaves the host: interfaces eth2, eth3"],
    refusal: null,
    refusals: [],
    program: [
      'new MultifunctionPciAttachment("pci-0000-01-00", {',
      '    connection, guest, device: "0000:01:00",',
      "});",
    ],
  });
});

test("what else is in its IOMMU group has to be held, and is named", () => {
  const functions = [
    ...card(NIC, { shared: 7 }),
    port("0000:00:1c.0", { classCode: "0x060400", driver: "pcieport" }),
    port("0000:03:00.0", { driver: "nvme" }),
  ];
  const facts: HostFacts = {
    ...nothingUsed,
    disks: [
      { name: "nvme0n1", hostAddress: "0000:03:00.0" as PciAddress, slaves: [], mountPoints: [], claims: [] },
      {
        name: "nvme0n1p1",
        hostAddress: "0000:03:00.0" as PciAddress,
        slaves: ["nvme0n1"],
        mountPoints: [],
        claims: [],
      },
    ],
  };
  const report = composeReport(input(functions, { facts }));
  expect(deviceOf(report, NIC).iommuGroups).toEqual([
    {
      group: 7,
      others: [
        { address: "0000:00:1c.0", driver: "pcieport", isBridge: true },
        { address: "0000:03:00.0", driver: "nvme", isBridge: false },
      ],
    },
  ]);
  expect(deviceOf(report, NIC).attach).toMatchObject({
    possible: "whole",
    leftovers: "hold",
    allowInUse: false,
    consequences: [
      "leaves the host: disk nvme0n1",
      "0000:03:00.0 of the same IOMMU group is taken from the host too, and shown to nobody",
    ],
    program: expect.arrayContaining([
      '    connection, guest, device: "0000:01:00", leftovers: "hold",',
    ]) as string[],
  });
  expect(deviceOf(report, "0000:00:1c")).toMatchObject({
    isBridge: true,
    attach: { possible: "no", refusal: { code: "FUNCTION_IS_BRIDGE" }, program: [] },
  });
});

test("if functions sit apart, those unused by the host can be attached alone", () => {
  const facts: HostFacts = {
    ...nothingUsed,
    interfaces: [upInterface("eth0", `${NIC}.0`, "192.0.2.7"), upInterface("eth1", `${NIC}.1`)],
    sshInterfaces: ["eth0"],
  };
  const refusal = {
    code: "FUNCTION_USED_BY_HOST",
    message:
      "the host needs what would be taken from it: 0000:01:00.0 (igb) carries this SSH connection (interface eth0), " +
      "and has interface eth0, which is up with address 192.0.2.7. Choose other functions, or move that use to another " +
      "device first; what carries this SSH connection is never taken.",
  };
  expect(answer(input(card(NIC, { from: 7 }), { facts }))).toEqual({
    possible: "part",
    functions: [1, 2, 3],
    leftovers: "refuse",
    allowInUse: false,
    consequences: ["leaves the host: interface eth1"],
    refusal,
    refusals: [refusal],
    program: [
      'new MultifunctionPciAttachment("pci-0000-01-00", {',
      '    connection, guest, device: "0000:01:00", functions: [1, 2, 3],',
      "});",
    ],
  });
});

test("nothing of a card in one IOMMU group with this connection's can be attached", () => {
  const facts: HostFacts = {
    ...nothingUsed,
    interfaces: [upInterface("eth0", `${NIC}.0`)],
    sshInterfaces: ["eth0"],
  };
  expect(answer(input(card(NIC, { shared: 7 }), { facts }))).toMatchObject({
    possible: "no",
    functions: [],
    program: [],
    refusal: { code: "FUNCTION_USED_BY_HOST" },
  });
});

test("what the host uses takes allowInUse, and each use that ends is named", () => {
  const facts: HostFacts = {
    ...nothingUsed,
    interfaces: [upInterface("eth0", `${NIC}.0`, "192.0.2.7")],
    physicalFunctions: [
      {
        hostAddress: `${NIC}.1` as PciAddress,
        virtualFunctions: ["0000:01:10.0" as PciAddress, "0000:01:10.4" as PciAddress],
      },
    ],
  };
  expect(answer(input(card(NIC, { shared: 7 }), { facts }))).toMatchObject({
    possible: "whole",
    leftovers: "refuse",
    allowInUse: true,
    consequences: [
      "leaves the host: interface eth0",
      "the host loses what it uses: 0000:01:00.0 has interface eth0, which is up with address 192.0.2.7",
      "the host loses what it uses: 0000:01:00.1 has 2 virtual functions enabled",
      "virtual functions that end: 0000:01:10.0, 0000:01:10.4",
    ],
  });
});

test("of a device of bridges and others, the others can be attached", () => {
  const functions = [
    port("0000:00:1f.0", { classCode: "0x060100", driver: "lpc_ich" }),
    port("0000:00:1f.2", { driver: "ahci" }),
    port("0000:00:1f.3", { driver: "i801_smbus" }),
  ];
  expect(answer(input(functions), "0000:00:1f")).toMatchObject({
    possible: "part",
    functions: [2, 3],
    leftovers: "refuse",
    refusal: { code: "FUNCTION_IS_BRIDGE" },
  });
});

test("without an IOMMU nothing can be attached, and the answer names the switch", () => {
  const functions = [0, 1].map((n) => {
    const { iommuGroup: _, ...one } = port(`${NIC}.${n}`);
    return one;
  });
  expect(answer(input(functions)).refusal).toEqual({
    code: "FUNCTION_WITHOUT_IOMMU_GROUP",
    message: expect.stringMatching(/intel_iommu=on.*SMMUv3/) as string,
  });
});

test("what a guest has is told with its owner, and a foreign hostdev too", () => {
  const addresses = four.map((n) => `${NIC}.${n}`);
  const ours = attachment(OTHER, "organization/net/dev/nic", addresses.slice(0, 2));
  const foreign: Holding = {
    guest: OTHER,
    hostAddress: `${NIC}.3` as PciAddress,
    alias: "hostdev0",
    isUnassigned: false,
  };
  const holders = { holdings: [...ours.holdings, foreign], ledger: ours.ledger };
  const device = deviceOf(
    composeReport(input(card(NIC, { from: 7 }), { seen: { by: "host", holders } })),
    NIC,
  );
  const held = { guest: "guest2", guestUuid: OTHER.uuid };
  const place = { owner: "organization/net/dev/nic", bus: "pci.8", slot: 0 };
  expect(device.functions.map((one) => one.heldBy)).toEqual([
    { ...held, ...place, guestFunction: 0 },
    { ...held, ...place, guestFunction: 1 },
    null,
    { ...held, owner: null, bus: null, slot: null, guestFunction: null },
  ]);
  expect(device.attach).toMatchObject({ possible: "part", functions: [2] });
});

test("with an older libvirt the ledger and vfio-pci tell what is held", () => {
  const owner = "organization/net/dev/nic";
  const { ledger } = attachment(OTHER, owner, [`${NIC}.0`, `${NIC}.1`]);
  const functions = card(NIC, { from: 7 }).map((one, n) => (n === 0 ? { ...one, driver: "vfio-pci" } : one));
  const ownersOf = (seen: InspectionInput["seen"]) =>
    deviceOf(composeReport(input(functions, { seen })), NIC).functions.map(
      (one) => one.heldBy && [one.heldBy.guest, one.heldBy.owner, one.heldBy.guestFunction],
    );
  const olderLibvirt = { version: "7.0.0" };
  const held = [[OTHER.name, owner, 0], null, null, null];
  expect(ownersOf({ by: "host", holders: { holdings: [], ledger, olderLibvirt } })).toEqual(held);
  expect(ownersOf({ by: "guest", observation: observed({ ledger, olderLibvirt }) })).toEqual(held);
  // a newer one says itself what it has for a guest
  expect(ownersOf({ by: "host", holders: { holdings: [], ledger } })).toEqual([null, null, null, null]);
});

test("a guest's slots are told, what is attached, and which are free", () => {
  const own = attachment(GUEST, "organization/net/dev/nic", [`${NIC}.0`]);
  const kept = {
    hostAddress: "0000:05:00.0" as PciAddress,
    alias: "ua-mine",
    guestAddress: { bus: "pci.3", slot: 0, guestFunction: 0 },
  };
  const observation = observed({ ...own, configuration: { buses: [], functions: [kept], ledger: [] } });
  const { guest } = composeReport(input([], { seen: { by: "guest", observation } }));
  expect(guest).toEqual({
    ...GUEST,
    runState: "running",
    machine: "pc-q35-10.0",
    qemuVersion: "10.0.13",
    memoryBytes: 2 ** 30,
    buses: [
      { bus: "pci.1", kind: null, freeSlots: [], takenBy: ["usb"], reason: "it is taken by usb" },
      { bus: "pci.2", kind: "pcie-acpi", freeSlots: [0], takenBy: [], reason: null },
      { bus: "pci.3", kind: "pcie-acpi", freeSlots: [], takenBy: [], reason: null },
    ],
    attachments: [
      { owner: "organization/net/dev/nic", bus: "pci.8", slot: 0, attached: [`${NIC}.0`], held: [] },
    ],
    refusal: null,
    refusals: [],
  });
});

test.each([
  ["does not run", observed({ guest: { ...GUEST, runState: "off", qemuVersion: "" } }), "GUEST_NOT_RUNNING"],
  [
    "has never run",
    observed({ guest: { ...GUEST, runState: "prelaunch", qemuVersion: "10.0.13" } }),
    "GUEST_NEVER_RAN",
  ],
  ["has no free slot", observed({ buses: observed().buses.slice(0, 1) }), "NO_FREE_SLOT"],
  [
    "may not lock its memory",
    observed({ qemuLimits: { pid: 7, user: "vm", lockedMemoryBytes: 2 ** 26, closedNodes: [] } }),
    "MEMLOCK_TOO_LOW",
  ],
])("a guest that %s refuses each device for the guest's reason", (_, observation, code) => {
  const report = composeReport(input(card(NIC, { shared: 7 }), { seen: { by: "guest", observation } }));
  expect(report.guest?.refusal?.code).toBe(code);
  expect(deviceOf(report, NIC).attach).toMatchObject({ possible: "no", refusal: report.guest?.refusal });
});

test("all that speaks against a device is listed, the first where it stood", () => {
  const holding = (n: number): Holding => ({
    guest: OTHER,
    hostAddress: `${NIC}.${n}` as PciAddress,
    alias: `hostdev${n}`,
    isUnassigned: false,
  });
  const full = { ...observed({ buses: [] }), holdings: [holding(0), holding(2)] };
  const { attach } = deviceOf(
    composeReport(input(card(NIC, { shared: 7 }), { seen: { by: "guest", observation: full } })),
    NIC,
  );
  expect(attach.refusals.map((one) => one.code)).toEqual([
    "FUNCTION_HELD_BY_GUEST",
    "FUNCTION_HELD_BY_GUEST",
    "NO_FREE_SLOT",
  ]);
  expect(attach.refusal).toEqual(attach.refusals[0]);
  expect(attach.refusals[1]!.message).toBe(
    `${NIC}.2 is in use by guest guest2 (hostdev hostdev2). Detach it there first.`,
  );
});

test("a guest says all that it refuses each device with", () => {
  const observation = observed({
    buses: [],
    qemuLimits: { pid: 7, user: "vm", lockedMemoryBytes: 2 ** 26, closedNodes: [] },
  });
  const { guest } = composeReport(input([], { seen: { by: "guest", observation } }));
  expect(guest?.refusals.map((one) => one.code)).toEqual(["NO_FREE_SLOT", "MEMLOCK_TOO_LOW"]);
  expect(guest?.refusal).toEqual(guest?.refusals[0]);
});
