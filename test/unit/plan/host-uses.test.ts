import fc from "fast-check";
import type { HostUse } from "../../../provider/host/uses";
import { describePlan, planAttach, type Plan, type DesiredAttachment } from "../../../provider/plan";
import { OLD_STATE, planUnlessRefused, refusalOf, scenario, type Scenario } from "../../support/scenarios";
import {
  addressOn,
  at,
  hostUse,
  mountOf,
  outline,
  reach,
  sshUse,
  virtualFunctions,
  vlanOn,
  wants,
} from "../../support/desired";
import { hostDevice, hostFunction, OTHER_GUEST, World } from "../../support/world";

const card = (...uses: HostUse[]): World => {
  const world = new World({ functions: hostDevice() });
  world.hostUses = uses;
  return world;
};
const address = hostUse("0000:01:00.1", addressOn("eth1"));
const vlan = hostUse("0000:01:00.1", vlanOn("eth1", "eth1.5"));

describe("what the host uses", () => {
  it("is taken with allowInUse, and the plan names every use that the host loses", () => {
    const plan = planAttach(card(address, vlan).observe(), wants(undefined, { allowInUse: true }), OLD_STATE);
    expect(describePlan(plan)).toContain(
      "3. hold 0000:01:00.1 (host driver e1000e loses it; allowed although it has interface eth1, " +
        "which is up with address 192.0.2.1, and has interface eth1, which carries VLAN eth1.5)",
    );
  });

  it("is refused as a leftover that would be held, and taken with allowInUse", () => {
    const desired = wants([0], { leftovers: "hold" });
    expect(refusalOf(() => planAttach(card(address).observe(), desired, OLD_STATE))).toBe(
      "FUNCTION_USED_BY_HOST",
    );
    const plan = planAttach(card(address).observe(), { ...desired, allowInUse: true }, OLD_STATE);
    expect(describePlan(plan)).toContainEqual(
      expect.stringMatching(/hold 0000:01:00\.1 .*shown to nobody; allowed although it has interface eth1/),
    );
  });

  it("does not matter while it is held: allowInUse alone changes nothing", () => {
    const world = card();
    reach(world, wants());
    world.hostUses = [address, sshUse("0000:01:00.2")];
    for (const allowInUse of [true, false])
      expect(planAttach(world.observe(), wants(undefined, { allowInUse }), OLD_STATE).steps).toEqual([]);
  });

  describe("a physical function with virtual functions", () => {
    const sriov = (map: readonly string[], virtual = "0000:01:10.0"): [World, DesiredAttachment] => {
      const world = new World({
        functions: [
          hostFunction("0000:01:00.0", { iommuGroup: 10 }),
          hostFunction("0000:01:10.0", { iommuGroup: 11, driver: "igbvf" }),
        ],
      });
      world.hostUses = [hostUse("0000:01:00.0", virtualFunctions(virtual))];
      const functions = map.map((address, guestFunction) => ({ hostAddress: at(address), guestFunction }));
      return [world, wants(undefined, { allowInUse: true, selection: { by: "map", map: functions } })];
    };

    it("is never taken together with one, which would be gone before", () => {
      const [world, desired] = sriov(["0000:01:10.0", "0000:01:00.0"]);
      expect(() => planAttach(world.observe(), desired, OLD_STATE)).toThrow(
        /0000:01:00\.0 is the physical function of 0000:01:10\.0, which this attachment needs.*Nothing was touched/,
      );
    });

    it("is never taken while a guest has one: libvirtd would wait", () => {
      const [world, desired] = sriov(["0000:01:00.0"]);
      world.hold(at("0000:01:10.0"), "hostdev0", OTHER_GUEST);
      expect(() => planAttach(world.observe(), desired, OLD_STATE)).toThrow(
        /0000:01:10\.0, which guest guest2 needs/,
      );
    });

    it("is taken with allowInUse if nobody needs one, left if only they are wanted", () => {
      for (const one of ["0000:01:00.0", "0000:01:10.0"]) {
        const [world, desired] = sriov([one]);
        expect(outline(planAttach(world.observe(), desired, OLD_STATE))).toContain(`plug ${one} as 0`);
      }
    });
  });

  it("does not matter for functions of other groups and devices", () => {
    const isolated = [0, 1].map((n) => hostDevice("0000:01:00", [n], { iommuGroup: 20 + n })).flat();
    const world = new World({ functions: isolated });
    world.hostUses = [address, hostUse("0000:00:03.0", mountOf("vda"))];
    expect(refusalOf(() => planAttach(world.observe(), wants([0]), OLD_STATE))).toBeUndefined();
  });
});

/** A scenario that is not refused while the host uses nothing, and uses of some of its functions. */
const used = scenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.desired) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined)
  .chain((one) =>
    fc
      .subarray([...one.world.functions.keys()])
      .chain((functions) =>
        fc.tuple(
          ...functions.map((function_) =>
            fc.constantFrom(hostUse(function_, mountOf("sda")), sshUse(function_)),
          ),
        ),
      )
      .map((hostUses) => ({ ...one, hostUses })),
  );

describe("every plan", () => {
  it("is refused exactly if it would take what the host uses, unallowed", () => {
    fc.assert(
      fc.property(used, ({ world, desired, plan, hostUses }) => {
        // what the guest holds now (a cold-plugged set is handed back and held again) is not the host's to
        // use
        const isHeld = (address: string): boolean =>
          world.holdings.some((one) => one.hostAddress === address);
        const taken = plan.steps.flatMap((step) =>
          (step.kind === "hold" || step.kind === "attach-single") && !isHeld(step.hostAddress)
            ? step.hostAddress
            : [],
        );
        const refused = hostUses.filter(
          (one) => taken.includes(one.hostAddress) && (one.isThisConnection || !desired.allowInUse),
        );
        const busy = world.clone();
        busy.hostUses = hostUses;
        expect(refusalOf(() => planAttach(busy.observe(), desired, OLD_STATE))).toBe(
          refused.length === 0 ? undefined : "FUNCTION_USED_BY_HOST",
        );
      }),
    );
  });

  it("differs by nothing but the uses that it names, where they are allowed", () => {
    fc.assert(
      fc.property(used, ({ world, desired, plan, hostUses }) => {
        const busy = world.clone();
        busy.hostUses = hostUses.filter((one) => !one.isThisConnection);
        const { steps, target } = planAttach(busy.observe(), { ...desired, allowInUse: true }, OLD_STATE);
        expect(target).toEqual(plan.target);
        expect(steps).toEqual(
          plan.steps.map((step) => {
            if (step.kind !== "hold" && step.kind !== "attach-single") return step;
            const uses = busy.hostUses.filter((one) => one.hostAddress === step.hostAddress);
            return uses.length === 0 ? step : { ...step, overriddenUses: uses };
          }),
        );
      }),
    );
  });
});
