import { Deadline } from "../../../provider/async/deadline";
import { unplugSlot } from "../../../provider/apply/steps/unplug";
import { planAttach, planDetach, type Step } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { OWNER } from "../../support/scenarios";
import { ScriptedGuest } from "../../support/scripted-guest";
import { reach, wants } from "../../support/desired";
import { conventionalBus, hostDevice, World } from "../../support/world";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

type Unplug = Extract<Step, { kind: "unplug" }>;

function attached(qemuVersion: string): World {
  const world = new World({
    functions: hostDevice(),
    buses: [conventionalBus("pci.0", "pseries")],
    qemuVersion,
  });
  reach(world, wants());
  return world;
}

function unplugOf(world: World): Unplug {
  const step = planDetach(world.observe(), OWNER).steps.find((one) => one.kind === "unplug");
  if (step?.kind !== "unplug") throw new Error("there is no unplug");
  return step;
}

const idsOf = (step: Unplug): string[] => step.functions.map((one) => one.qemuId);

test("takes the highest slot that is free as a whole", () => {
  const world = attached("10.0.13");
  expect(planAttach(world.observe(), wants()).target?.slot).toEqual({
    bus: "pci.0",
    slot: 31,
    kind: "pseries",
  });
});

test.each(["4.2.0", "5.2.0", "7.2.22", "10.0.13", "?.?.?"])(
  "QEMU %s is asked for function 0, which takes all",
  (version) => {
    const step = unplugOf(attached(version));
    expect(step.requests).toEqual(idsOf(step).slice(0, 1));
  },
);

test.each(["2.11.0", "3.1.0", "4.0.1", "4.1.1"])(
  "QEMU %s is asked for each other function first, and for 0 last",
  async (version) => {
    const step = unplugOf(attached(version));
    const [f0 = "", f1 = "", f2 = "", f3 = ""] = idsOf(step);
    expect(step.requests).toEqual([f3, f2, f1, f0]);
    // as the source of 4.1 has it: nothing goes before function 0 has been asked for
    const deleted = (qemuId: string, afterMs: number) => ({
      afterMs,
      event: { kind: "deleted", qemuId } as const,
    });
    const guest = new ScriptedGuest(
      { expect: "listen" },
      { expect: "qom-list", reply: [f0, f1, f2, f3] },
      { expect: `device_del ${f3}` },
      { expect: `device_del ${f2}` },
      { expect: `device_del ${f1}` },
      { expect: `device_del ${f0}`, after: [f3, f2, f1, f0].map((id, n) => deleted(id, 4000 * (n + 1))) },
      { expect: "qom-list", reply: [] },
      { expect: "stop listening" },
    );
    const { value } = await letTimePass(
      unplugSlot(step, { guest, deadline: Deadline.start("detach", 60), progress: () => undefined }),
    );
    expect(value).toBe("unplugged");
    guest.finish();
  },
);
