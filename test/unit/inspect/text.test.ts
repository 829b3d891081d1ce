import { composeReport, describeReport, type InspectionInput } from "../../../provider/inspect";
import type { HostFacts } from "../../../provider/host/facts";
import type { PciAddress } from "../../../provider/pci";
import { nothingUsed } from "../../support/host-facts";
import { attachment, card, GUEST, observed, input, port, upInterface } from "../../support/inspection-inputs";

const plain = { width: 80, hasColours: false, withBridges: false };
const facts: HostFacts = {
  ...nothingUsed,
  interfaces: [
    upInterface("eth0", "0000:01:00.0", "192.0.2.7"),
    ...[0, 1, 2, 3].map((n) => upInterface(`eth1${n}`, `0000:02:00.${n}`)),
  ],
  sshInterfaces: ["eth0"],
};
const ours = attachment(GUEST, "organization/net/dev/gpu", ["0000:41:00.0", "0000:41:00.1"]);
const host: InspectionInput = input(
  [
    ...card("0000:01:00", { from: 7 }),
    ...card("0000:02:00", { shared: 20 }),
    port("0000:00:1c.0", { classCode: "0x060400", driver: "pcieport", iommuGroup: 3 }),
    port("0000:41:00.0", {
      driver: "vfio-pci",
      iommuGroup: 30,
      numaNode: 1,
      vendorName: "NVIDIA Corporation",
      productName: "GA102GL [RTX A6000]",
      className: "VGA compatible controller",
    }),
    port("0000:41:00.1", {
      driver: "vfio-pci",
      iommuGroup: 30,
      numaNode: 1,
      vendorName: "NVIDIA Corporation",
      productName: "GA102 High Definition Audio Controller",
      className: "Audio device",
    }),
  ],
  {
    facts,
    seen: { by: "guest", observation: observed(ours) },
    arguments: { connection: { host: "hv1" }, credentials: ["privateKey"], guest: { domain: "guest1" } },
  },
);

test("a report is one table and a card for each device, within 80 columns", () => {
  expect(describeReport(composeReport(host), plain).join("\n")).toBe(
    `
host      root@hv1:22, host key
          SHA256:0w6LpoUtRywTGubBVEMHB1wop0E5tFAhcIgs8/rlkcI
guest     guest1: running, machine pc-q35-10.0, QEMU 10.0.13, 1024 MiB
free      pci.2 (pcie-acpi), pci.3 (pcie-acpi)
attached  0000:41:00.0,1 in slot pci.8, by organization/net/dev/gpu

DEVICE      FUNCTIONS  WHAT                                        ATTACH
0000:01:00  0-3        Intel Corporation I350 Gigabit Network Co…  part: 1-3
0000:02:00  0-3        Intel Corporation I350 Gigabit Network Co…  whole
0000:41:00  0,1        NVIDIA Corporation GA102GL [RTX A6000]      no: in guest1

1 PCI bridge is left out (--all shows them).

0000:01:00  Intel Corporation I350 Gigabit Network Connection
  class     Ethernet controller
  functions 0-3: driver igb
  IOMMU     group 7 (functions 0), nothing else in it
            group 8 (functions 1), nothing else in it
            group 9 (functions 2), nothing else in it
            group 10 (functions 3), nothing else in it
  NUMA      node 0
  host      0: carries this SSH connection (interface eth0)
            0: has interface eth0, which is up with address 192.0.2.7
  attach    in part, functions 1-3
            not whole: the host needs what would be taken from it: 0000:01:00.0
            (igb) carries this SSH connection (interface eth0), and has
            interface eth0, which is up with address 192.0.2.7. Choose other
            functions, or move that use to another device first; what carries
            this SSH connection is never taken.
  program   new MultifunctionPciAttachment("pci-0000-01-00", {
                connection, guest, device: "0000:01:00", functions: [1, 2, 3],
            });

0000:02:00  Intel Corporation I350 Gigabit Network Connection
  class     Ethernet controller
  functions 0-3: driver igb
  IOMMU     group 20, nothing else in it
  NUMA      node 0
  host      has interfaces eth10, eth11, eth12, eth13; no use found by network,
            disk, display, serial console, compute, mdev, vDPA, Thunderbolt,
            TPM, watchdog, IPMI, uio
  attach    whole, all 4 functions
            - leaves the host: interfaces eth10, eth11, eth12, eth13
  program   new MultifunctionPciAttachment("pci-0000-02-00", {
                connection, guest, device: "0000:02:00",
            });

0000:41:00  NVIDIA Corporation GA102GL [RTX A6000]
  class     VGA compatible controller
  functions 0: driver vfio-pci
            1: GA102 High Definition Audio Controller, driver vfio-pci
  IOMMU     group 30, nothing else in it
  NUMA      node 1
  host      0,1: held for guest guest1, in slot pci.8, by
            organization/net/dev/gpu
  attach    no: 0000:41:00.0, 0000:41:00.1 in guest guest1 are attached by
            another owner: organization/net/dev/gpu. If this resource was
            renamed, give it an alias; to take the attachment over, set adopt to
            true.

A program begins with
  import {
      MultifunctionPciAttachment, type ConnectionArgs, type GuestArgs,
  } from "pulumi-multifunction-pci";
  const connection: ConnectionArgs = { host: "hv1" };
  // pulumi config set --secret multifunction-pci:privateKey < PRIVATE-KEY-FILE
  const guest: GuestArgs = { domain: "guest1" };
`.trim(),
  );
});

test("a host without names shows numbers; without a guest in mind it shows guests", () => {
  const bare = [0, 1].map((n) => {
    const { vendorName: _v, productName: _p, className: _c, numaNode: _n, ...one } = port(`0000:01:00.${n}`);
    return one;
  });
  const lines = describeReport(composeReport(input(bare, { notes: ["The host has no pci.ids."] })), plain);
  expect(lines).toContain("guests    guest1, guest2 (look into one with --guest NAME)");
  expect(lines).toContain("note      The host has no pci.ids.");
  expect(lines).toContain("0000:01:00  vendor 0x8086 product 0x1521");
  expect(lines.join("\n")).not.toMatch(/class|NUMA/);
});

test("a guest that cannot be read is a note", () => {
  const unreadGuests = [{ guest: { name: "guest3", uuid: "u3" }, reason: "it is none" }];
  const bare = input([port("0000:01:00.0")]);
  const holders = { holdings: [], ledger: [], unreadGuests };
  const { notes } = composeReport({ ...bare, seen: { by: "host", holders } });
  expect(notes).toEqual([
    "guest guest3 cannot be read, so not all that it has is known; libvirt itself refuses what a guest has: it is none",
  ]);
});

test("colours stand out on a terminal, and the text is the same without", () => {
  const report = composeReport(host);
  const coloured = describeReport(report, { ...plain, hasColours: true });
  const escape = "\u001b";
  expect(coloured.join("\n")).toContain(`${escape}[32mwhole${escape}[0m`);
  expect(coloured.join("\n")).toContain(`${escape}[33mpart: 1-3${escape}[0m`);
  const sgr = new RegExp(`${escape}\\[\\d+m`, "g");
  expect(coloured.map((line) => line.replace(sgr, ""))).toEqual(describeReport(report, plain));
});

test("a use by the host is said first, and looks unlike a free device", () => {
  const used = { ...facts, sshInterfaces: [] };
  const lines = describeReport(
    composeReport(input(card("0000:01:00", { shared: 7 }), { facts: used })),
    plain,
  );
  expect(lines).toContainEqual(expect.stringMatching(/^0000:01:00 .* in use: whole$/));
  expect(lines.join("\n").replace(/\s+/g, " ")).toContain(
    "whole, all 4 functions, but the host uses it: end that use first, or take it all the same",
  );
});

test("bridges are shown where they are asked for", () => {
  const lines = describeReport(composeReport(host), { ...plain, withBridges: true });
  expect(lines).toContainEqual(expect.stringMatching(/^0000:00:1c {2}0 .* no$/));
  expect(lines.join("\n")).not.toContain("left out");
});

test("each refusal is a text, and the guest's refusals are said of the guest", () => {
  const holding = {
    guest: { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222" },
    hostAddress: "0000:02:00.1" as PciAddress,
    alias: "hostdev0",
    isUnassigned: false,
  };
  const limits = { pid: 7, user: "vm", lockedMemoryBytes: 2 ** 26, closedNodes: [] };
  const observation = { ...observed({ buses: [], qemuLimits: limits }), holdings: [holding] };
  const functions = [...card("0000:01:00", { shared: 7 }), ...card("0000:02:00", { shared: 20 })];
  const report = composeReport(input(functions, { seen: { by: "guest", observation } }));
  const lines = describeReport(report, { ...plain, width: 1000 }).map((line) => line.trim());
  expect(lines).toContain("attach    no: the guest refuses, see above");
  const index = lines.findIndex((line) => line.startsWith("attach    no: 0000:02:00.1 is in use by guest"));
  expect(lines[index + 1]).toBe("also: the guest refuses, see above");
  expect(lines.filter((line) => line.includes("has no free hotplug slot"))).toHaveLength(1);
  const refuses = lines.findIndex((line) => line.startsWith("refuses"));
  expect(lines[refuses + 1]).toMatch(/^QEMU of guest guest1 \(process 7, user vm\) may lock 64 MiB/);
});
