import { runPlan } from "../../../../provider/apply/run-plan";
import { Deadline } from "../../../../provider/async/deadline";
import { ProviderError } from "../../../../provider/errors";
import type { Host, Hypervisor } from "../../../../provider/apply";
import type { GuestSlot } from "../../../../provider/pci";
import type { Step } from "../../../../provider/plan";
import { at } from "../../../support/desired";
import { hostDevice, World } from "../../../support/world";
import { WorldHypervisor } from "../../../support/world-hypervisor";

const slot: GuestSlot = { bus: "pci.4", slot: 0, kind: "pcie-acpi" };
const hostAddress = at("0000:01:00.0");
const target = { hostAddress, guestFunction: 0, qemuId: "mfpci-0123456789ab-f0" };

const steps: readonly [keyof Host, Step][] = [
  ["singles", { kind: "attach-single", hostAddress, alias: target.qemuId, slot, target }],
  ["steppingStones", { kind: "plug-stepping-stone", slot, target }],
  ["configuration", { kind: "configure", functions: [] }],
  ["configuration", { kind: "unconfigure", functions: [] }],
];

test.each(steps)("a plan that needs %s of a host without them is an internal error", async (part, step) => {
  const world = new WorldHypervisor(new World({ functions: hostDevice() }));
  const { label, guestName, guest, ledger, lock } = world;
  const host: Host = { ...world.host };
  Reflect.deleteProperty(host, part);
  const hypervisor: Hypervisor = { label, guestName, guest, ledger, lock, host };
  const work = { hypervisor, deadline: Deadline.start("attach", 60), progress: () => undefined };
  const error: unknown = await runPlan({ steps: [step] }, work).catch((cause: unknown) => cause);
  expect(error).toEqual(new Error(`the plan needs "${part}", which this host does not have`));
  expect(error).not.toBeInstanceOf(ProviderError);
  expect(world.calls).toEqual([]);
});
