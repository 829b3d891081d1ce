import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors";
import {
  aliasOf,
  describePlan,
  findTagOfAlias,
  planAttach,
  planDetach,
  tagOf,
  type Plan,
  type Step,
} from "../../../provider/plan";
import {
  checkDriversBack,
  checkMadeAgain,
  checkNothingLeft,
  checkReached,
  worldsAlong,
} from "../../support/reached";
import {
  OLD_STATE,
  OLDER_LIBVIRT,
  olderScenario,
  OWNER,
  planUnlessRefused,
  refusalOf,
  type Scenario,
} from "../../support/scenarios";
import { at, leave, outline, reach, wants } from "../../support/desired";
import { Violations } from "../../support/violations";
import {
  conventionalBus,
  expressBus,
  hostDevice,
  hostFunction,
  World,
  type WorldStart,
} from "../../support/world";

const older = (start: Partial<WorldStart> = {}): World =>
  new World({ functions: hostDevice(), plugsSingles: true, olderLibvirt: OLDER_LIBVIRT, ...start });

const stepsOf = <K extends Step["kind"]>(plan: Plan, kind: K): Extract<Step, { kind: K }>[] =>
  plan.steps.filter((step): step is Extract<Step, { kind: K }> => step.kind === kind);

/**
 * Plans that are not refused; there are fewer than with a newer libvirt, because each group must give two
 * functions.
 */
const planned = olderScenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.desired) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined);

describe("a set under an older libvirt", () => {
  it("is opened by its last function, alone in the spare slot while others queue", () => {
    const plan = reach(older(), wants());
    expect(outline(plan)).toEqual([
      "record domain",
      "hold 0000:01:00.0",
      "hold 0000:01:00.1",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "plug-stepping-stone 0000:01:00.3 at pci.3",
      "plug 0000:01:00.1 as 1",
      "plug 0000:01:00.2 as 2",
      "unplug-stepping-stone 0000:01:00.3 at pci.3",
      "plug 0000:01:00.3 as 3",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
    expect(describePlan(plan).at(-2)).toMatch(/it sees 0000:01:00\.3 alone for some seconds/);
  });

  it("of two functions is opened by function 0, as the other keeps the group", () => {
    const plan = reach(older(), wants([1, 3], { leftovers: "hold" }));
    expect(outline(plan).filter((line) => !/hold|record/.test(line))).toEqual([
      "plug-stepping-stone 0000:01:00.1 at pci.3",
      "plug 0000:01:00.3 as 1",
      "unplug-stepping-stone 0000:01:00.1 at pci.3",
      "plug 0000:01:00.1 as 0",
      "confirm",
    ]);
  });

  it("of two groups opens one after the other, in the same spare slot", () => {
    const functions = [
      ...hostDevice("0000:01:00", [0, 1], { iommuGroup: 7 }),
      ...hostDevice("0000:02:00", [0, 1, 2], { iommuGroup: 8 }),
    ];
    const map = functions.map((one, n) => ({ hostAddress: one.hostAddress, guestFunction: n }));
    const world = older({ functions });
    const plan = reach(world, { ...wants(), selection: { by: "map", map } });
    expect(outline(plan).slice(6)).toEqual([
      "plug-stepping-stone 0000:01:00.0 at pci.3",
      "plug 0000:01:00.1 as 1",
      "unplug-stepping-stone 0000:01:00.0 at pci.3",
      "plug-stepping-stone 0000:02:00.2 at pci.3",
      "plug 0000:02:00.0 as 2",
      "plug 0000:02:00.1 as 3",
      "unplug-stepping-stone 0000:02:00.2 at pci.3",
      "plug 0000:02:00.2 as 4",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
  });

  it("of one function is attached by libvirt, also where it is held already", () => {
    const world = older();
    reach(world, wants());
    const plan = reach(world, wants([2], { leftovers: "hold" }));
    expect(outline(plan)).toEqual([
      "record domain",
      "unplug 1 of 4",
      "attach-single 0000:01:00.2",
      "confirm",
    ]);
    leave(world);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
  });

  it("takes the spare slot on a conventional bus from the top as well", () => {
    const plan = reach(older({ buses: [conventionalBus("pci.0")] }), wants());
    expect(stepsOf(plan, "plug-stepping-stone")[0]?.slot).toEqual({
      bus: "pci.0",
      slot: 30,
      kind: "pci-acpi",
    });
    expect(plan.target?.slot.slot).toBe(31);
  });

  it("leaves a function that was on vfio-pci before on it", () => {
    const functions = [
      ...hostDevice("0000:01:00", [0, 1, 2]),
      hostFunction("0000:01:00.3", { driver: "vfio-pci" }),
    ];
    const world = older({ functions });
    reach(world, wants());
    leave(world);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual([
      "e1000e",
      "e1000e",
      "e1000e",
      "vfio-pci",
    ]);
  });

  it("stays held when its guest ends, is known, and comes back by a detach", () => {
    const world = older();
    reach(world, wants());
    world.stopGuest();
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("vfio-pci"));
    expect(refusalOf(() => planAttach(world.observe(), wants(), OLD_STATE))).toBe("GUEST_NOT_RUNNING");
    leave(world);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
    expect(world.partOf(OWNER)).toEqual({ plugged: [], held: [], ledger: [] });
  });
});

describe("under an older libvirt, with nothing touched,", () => {
  const refusedWith = (world: World, desired = wants()): string => {
    try {
      planAttach(world.observe(), desired, OLD_STATE);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("it is not refused");
  };

  it("a guest without a spare slot is refused, and told how to get one", () => {
    expect(refusedWith(older({ buses: [expressBus("pci.2")] }))).toMatch(
      /no second free hotplug slot.*Nothing was touched.*<controller type='pci' model='pcie-root-port'\/>, or update libvirt/s,
    );
  });

  it("a paused guest is refused, since it could not let go in between", () => {
    expect(refusedWith(older({ runState: "paused" }))).toMatch(/the guest is paused.*Resume the guest/s);
  });

  it("functions of groups of their own are refused: QEMU would close the group again", () => {
    const functions = [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
    expect(refusedWith(older({ functions }))).toMatch(
      /0000:01:00\.0 is the only function wanted of IOMMU group 10.*Name functions that share a group/s,
    );
  });

  it("a persistent attachment is refused", () => {
    expect(
      refusalOf(() => planAttach(older().observe(), wants(undefined, { persistent: true }), OLD_STATE)),
    ).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
  });

  it("what is there already and needs no stepping stone is none of these", () => {
    const world = older();
    reach(world, wants());
    world.runState = "paused";
    expect(planAttach(world.observe(), wants(), OLD_STATE).steps).toEqual([]);
  });
});

describe("every plan under an older libvirt", () => {
  it("shows alone only what is wanted, and never to a slot of the attachment", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const violations = new Violations();
        const desired = plan.target?.attached.map((one) => one.hostAddress) ?? [];
        for (const { target, slot } of stepsOf(plan, "plug-stepping-stone")) {
          const { hostAddress, qemuId } = target;
          violations.holds(`${hostAddress} is wanted`, desired.includes(hostAddress));
          violations.holds("in another slot", !isDeepStrictEqual(slot, plan.target?.slot));
          violations.equal("id", qemuId, aliasOf(findTagOfAlias(qemuId) ?? "", hostAddress));
        }
        violations.equal(
          "unplugged again",
          stepsOf(plan, "unplug-stepping-stone").map((one) => one.target),
          stepsOf(plan, "plug-stepping-stone").map((one) => one.target),
        );
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("breaks no law, ends as wanted, and is empty when made again", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const world = one.world.clone().applyAll(one.plan.steps);
        checkReached(violations, one, world, one.plan);
        checkDriversBack(violations, one, world);
        violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("after a crash at any step, is finished or given back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const crashed of worldsAlong(one.world, one.plan)) {
          const detached = crashed.clone();
          detached.applyAll(planDetach(detached.observe(), OWNER).steps);
          checkNothingLeft(violations, one, detached);
          checkMadeAgain(violations, one, crashed);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("after its guest has ended at any step, gives everything back by a detach", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const world of worldsAlong(one.world, one.plan)) {
          world.stopGuest();
          world.applyAll(planDetach(world.observe(), OWNER).steps);
          checkNothingLeft(violations, one, world);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

test("the stone bears libvirt's alias, so that a crash leaves something known", () => {
  const world = older();
  const { steps } = planAttach(world.observe(), wants(), OLD_STATE);
  const until = steps.findIndex((step) => step.kind === "unplug-stepping-stone");
  world.applyAll(steps.slice(0, until));
  expect(world.hasDevice(aliasOf(tagOf(OWNER), at("0000:01:00.3")))).toBe(true);
  const next = planAttach(world.observe(), wants(), OLD_STATE);
  expect(outline(next).slice(0, 3)).toEqual(["unplug 1 of 1", "unplug 1 of 2", "await-reattach .3"]);
});

describe("a create that was cut off while its stone was in the spare slot", () => {
  const fresh = { incarnation: "1".repeat(32), since: "2026-11-29T12:00:00Z" };
  const cutOff = (): World => {
    const world = older();
    const { steps } = planAttach(world.observe(), { ...wants(), fresh });
    world.applyAll(
      steps.slice(
        0,
        steps.findIndex((step) => step.kind === "unplug-stepping-stone"),
      ),
    );
    return world;
  };

  it("is resumed by the next create: the guest saw a stone alone", () => {
    const world = cutOff();
    const plan = planAttach(world.observe(), {
      ...wants(),
      fresh: { ...fresh, incarnation: "2".repeat(32) },
    });
    expect(outline(plan).slice(0, 3)).toEqual(["unplug 1 of 1", "unplug 1 of 2", "await-reattach .3"]);
    expect(plan.takesOver).toBeUndefined();
    world.applyAll(plan.steps);
    expect(world.plugged.map((one) => one.guestFunction).sort()).toEqual([0, 1, 2, 3]);
    expect(world.ledger[0]?.entry.incarnation).toBe(fresh.incarnation);
  });

  it("is taken for an attachment if the ledger is lost: nothing leaves the guest", () => {
    const world = cutOff();
    world.ledger = [];
    world.configuredLedger = [];
    expect(refusalOf(() => planAttach(world.observe(), { ...wants(), fresh }))).toBe("ATTACHMENT_EXISTS");
  });
});

it("without adopt, no create under an older libvirt takes function 0, except stones", () => {
  let planned = 0;
  fc.assert(
    fc.property(olderScenario, ({ world, desired }) => {
      const entries = world.ledger.map((line) => line.entry);
      const seen = world.plugged.filter((one) => {
        const slot = entries.find((entry) => one.qemuId.includes(entry.tag))?.slot;
        const isInItsSlot = slot === undefined || (slot.bus === one.bus && slot.slot === one.slot);
        return one.guestFunction === 0 && isInItsSlot;
      });
      let plan: Plan;
      try {
        plan = planAttach(world.observe(), { ...desired, adopt: false });
      } catch (refusal) {
        if (refusal instanceof ProviderError) return;
        throw refusal;
      }
      planned += 1;
      const violations = new Violations();
      for (const step of plan.steps) {
        world.apply(step);
        for (const one of seen) violations.holds(`${one.qemuId} stays`, world.hasDevice(one.qemuId));
      }
      expect(violations.all).toEqual([]);
    }),
    { numRuns: 600 },
  );
  expect(planned).toBeGreaterThan(50);
});
