import fc from "fast-check";
import type { HostUse } from "../../../provider/pci";
import { describePlan, planAttach, type Plan } from "../../../provider/plan";
import { planUnlessRefused, refusalOf, scenario, type Scenario } from "../../support/scenarios";
import { hostUse, reach, sshUse, wants } from "../../support/wanted";
import { hostDevice, World } from "../../support/world";

const card = (...uses: HostUse[]): World => {
  const world = new World({ functions: hostDevice() });
  world.hostUses = uses;
  return world;
};
const address = hostUse("0000:01:00.1", "has interface eth1, which is up with address 192.0.2.1");
const vlan = hostUse("0000:01:00.1", "has interface eth1, which carries VLAN eth1.5");

describe("what the host uses", () => {
  it("is taken with allowInUse, and the plan names every use that the host loses", () => {
    const plan = planAttach(card(address, vlan).observe(), wants(undefined, { allowInUse: true }));
    expect(describePlan(plan)).toContain(
      "3. hold 0000:01:00.1 for the guest (host driver e1000e loses it; allowed although it has interface eth1, " +
        "which is up with address 192.0.2.1, and has interface eth1, which carries VLAN eth1.5)",
    );
  });

  it("is refused as a leftover that would be held, and taken with allowInUse", () => {
    const wanted = wants([0], { leftovers: "hold" });
    expect(refusalOf(() => planAttach(card(address).observe(), wanted))).toBe("FUNCTION_USED_BY_HOST");
    const plan = planAttach(card(address).observe(), { ...wanted, allowInUse: true });
    expect(describePlan(plan)).toContainEqual(
      expect.stringMatching(/hold 0000:01:00\.1 .*shown to nobody; allowed although it has interface eth1/),
    );
  });

  it("does not matter while it is held already: allowInUse alone changes nothing in either direction", () => {
    const world = card();
    reach(world, wants());
    world.hostUses = [address, sshUse("0000:01:00.2")];
    for (const allowInUse of [true, false])
      expect(planAttach(world.observe(), wants(undefined, { allowInUse })).steps).toEqual([]);
  });

  it("does not matter for functions of other groups and devices", () => {
    const isolated = [0, 1].map((n) => hostDevice("0000:01:00", [n], { iommuGroup: 20 + n })).flat();
    const world = new World({ functions: isolated });
    world.hostUses = [address, hostUse("0000:00:03.0", "has disk vda, which is mounted on /")];
    expect(refusalOf(() => planAttach(world.observe(), wants([0])))).toBeUndefined();
  });
});

/** A scenario that is not refused while the host uses nothing, and uses of some of its functions. */
const used = scenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.wanted) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined)
  .chain((one) =>
    fc
      .subarray([...one.world.functions.keys()])
      .chain((functions) =>
        fc.tuple(
          ...functions.map((function_) => fc.constantFrom(hostUse(function_, "is used"), sshUse(function_))),
        ),
      )
      .map((hostUses) => ({ ...one, hostUses })),
  );

describe("every plan", () => {
  it("is refused exactly where it would take what the host uses and the user did not allow it", () => {
    fc.assert(
      fc.property(used, ({ world, wanted, plan, hostUses }) => {
        // what the guest holds now (a cold-plugged set is handed back and held again) is not the host's to use
        const isHeld = (address: string): boolean => world.holdings.some((one) => one.address === address);
        const taken = plan.steps.flatMap((step) =>
          step.kind === "hold" && !isHeld(step.address) ? step.address : [],
        );
        const refused = hostUses.filter(
          (one) => taken.includes(one.address) && (one.isThisConnection || !wanted.allowInUse),
        );
        const busy = world.clone();
        busy.hostUses = hostUses;
        expect(refusalOf(() => planAttach(busy.observe(), wanted))).toBe(
          refused.length === 0 ? undefined : "FUNCTION_USED_BY_HOST",
        );
      }),
    );
  });

  it("differs by nothing but the uses that it names, where they are allowed", () => {
    fc.assert(
      fc.property(used, ({ world, wanted, plan, hostUses }) => {
        const busy = world.clone();
        busy.hostUses = hostUses.filter((one) => !one.isThisConnection);
        const { steps, target } = planAttach(busy.observe(), { ...wanted, allowInUse: true });
        expect(target).toEqual(plan.target);
        expect(steps).toEqual(
          plan.steps.map((step) => {
            if (step.kind !== "hold") return step;
            const uses = busy.hostUses.filter((one) => one.address === step.address).map((one) => one.use);
            return uses.length === 0 ? step : { ...step, overriddenUses: uses };
          }),
        );
      }),
    );
  });
});
