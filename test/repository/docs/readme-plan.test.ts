import { findPciSlotAddress, pciAddressOf } from "../../../provider/pci";
import { aliasOf, describePlan, planAttach, qemuIdOf, tagOf, type Observation } from "../../../provider/plan";
import { readText, section } from "../../support/documents/markdown";

const owner = "organization/net/dev/bcm5719";
const tag = tagOf(owner);
const device = findPciSlotAddress("0000:01:00")!;
const guest = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111" };
const slot = { bus: "pci.8", slot: 0, kind: "pcie-acpi" } as const;
const members = [0, 1, 2, 3].map((guestFunction) => ({
  guestFunction,
  hostAddress: pciAddressOf(device, guestFunction),
}));

/** Four functions plugged in pci.8, held by their owner; their host driver was tg3. */
const fourPlugged: Observation = {
  hostUuid: "44454c4c-0000-4000-8000-000000000001",
  guest: { ...guest, runState: "running", qemuVersion: "10.0.13" },
  buses: [
    {
      bus: slot.bus,
      index: 8,
      hotplug: { possible: true, kind: slot.kind, slots: { first: 0, last: 0 } },
      occupants: [],
      reservedSlots: [],
    },
  ],
  functions: new Map(
    members.map(({ hostAddress }) => [
      hostAddress,
      {
        hostAddress,
        vendorId: "0x14e4",
        productId: "0x1657",
        driver: "vfio-pci",
        iommuGroup: 7,
        isBridge: false,
      },
    ]),
  ),
  holdings: members.map(({ hostAddress }) => ({
    guest,
    hostAddress,
    alias: aliasOf(tag, hostAddress),
    isUnassigned: true,
  })),
  plugged: members.map((one) => ({
    ...one,
    qemuId: qemuIdOf(tag, one.guestFunction),
    bus: slot.bus,
    slot: slot.slot,
  })),
  ledger: [
    {
      guest,
      entry: {
        owner,
        tag,
        slot,
        functions: members.map(({ hostAddress, guestFunction }) => ({
          hostAddress,
          guestFunction,
          hostDriver: "tg3",
        })),
      },
    },
  ],
  hostUses: [],
};

test("the plan that the README shows is what the preview prints", () => {
  const desired = {
    ownerToken: owner,
    selection: { by: "device", device, functions: [0, 2] },
    leftovers: "hold",
    adopt: false,
    allowInUse: false,
    persistent: false,
  } as const;
  const plan = planAttach(fourPlugged, desired, { functions: [] });
  const shown = /```text\n(.*?)```/s
    .exec(section(readText("README.md"), "## What Pulumi's operations do"))?.[1]
    ?.trim()
    .split("\n");
  expect(shown).toEqual(
    ["plan:", ...describePlan(plan).map((line) => `  ${line}`)].map((line) => `bcm5719: ${line}`),
  );
});
