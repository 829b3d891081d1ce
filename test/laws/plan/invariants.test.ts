import fc from "fast-check";
import {
  aliasOf,
  findTagOfAlias,
  findTagOfQemuId,
  planDetach,
  type Plan,
  type Step,
} from "../../../provider/plan";
import { interruptionOf } from "../../../provider/plan/describe";
import {
  checkDriversBack,
  checkMadeAgain,
  checkNothingLeft,
  checkReached,
  worldsAlong,
} from "../../support/reached";
import { OWNER, planUnlessRefused, scenario, type Scenario } from "../../support/scenarios";
import { Violations } from "../../support/violations";
import { OWN_GUEST, type World } from "../../support/world";

const indexesOf = (plan: Plan, kind: Step["kind"]): number[] =>
  plan.steps.flatMap((step, index) => (step.kind === kind ? [index] : []));
const stepsOf = <K extends Step["kind"]>(plan: Plan, kind: K): Extract<Step, { kind: K }>[] =>
  plan.steps.filter((step): step is Extract<Step, { kind: K }> => step.kind === kind);

/** A random plan to attach, and the world it is for; scenarios that are refused are passed over. */
const planned = scenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.desired) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined);
/** A random plan to detach. */
const detached = scenario.map((one) => ({ ...one, plan: planDetach(one.world.observe(), OWNER) }));

/** What is not this attachment's: others' holdings, devices and ledger lines. */
function othersIn(world: World, tag: string): unknown {
  return {
    holdings: world.holdings.filter((one) => findTagOfAlias(one.alias) !== tag || one.guest !== OWN_GUEST),
    plugged: world.plugged.filter((one) => findTagOfQemuId(one.qemuId) !== tag),
    ledger: world.ledger.filter((line) => line.entry.tag !== tag && line.entry.owner !== OWNER),
    configured: world.configured.filter((one) => findTagOfAlias(one.alias) !== tag),
    configuredLedger: world.configuredLedger.filter((entry) => entry.tag !== tag && entry.owner !== OWNER),
    occupants: world.observe().buses.map((bus) => bus.occupants.filter((o) => o.id.startsWith("net-"))),
  };
}

/** The steps by which a plan takes a function, or gives it back. */
const movesOf = (plan: Plan) => [
  ...stepsOf(plan, "hold"),
  ...stepsOf(plan, "attach-single"),
  ...stepsOf(plan, "release"),
];

describe("every plan", () => {
  it("leaves the guest what it has whole, whatever slots the next boot moves", () => {
    fc.assert(
      fc.property(planned, ({ world, desired, plan }) => {
        world.applyAll(plan.steps);
        world.reserveAtBoot(Object.fromEntries(world.plugged.map((one) => [one.bus, one.slot])));
        expect(planUnlessRefused(world, desired)?.steps).toEqual([]);
      }),
    );
  });

  it("writes the ledger before it changes anything else, unless the ledger says it already", () => {
    fc.assert(
      fc.property(planned, ({ plan, world }) => {
        const changes = (["hold", "attach-single", "unplug", "plug"] as const).flatMap((kind) =>
          indexesOf(plan, kind),
        );
        const takesAny = stepsOf(plan, "hold").length + stepsOf(plan, "attach-single").length > 0;
        const [recorded] = indexesOf(plan, "record");
        const known = world.ledger.filter((line) => line.entry.owner === OWNER).map((line) => line.entry);
        const violations = new Violations();
        if (recorded !== undefined && changes.length > 0) violations.equal("first record", recorded, 0);
        if (recorded === undefined && takesAny) violations.equal("known", known, [plan.target?.entry]);
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("names in the ledger from the first step each function that it takes", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, driversBefore }) => {
        const violations = new Violations();
        const now = world.clone();
        for (const step of plan.steps) {
          const entry = now.ledger.find((line) => line.entry.owner === OWNER)?.entry;
          if (step.kind === "hold" || step.kind === "attach-single" || step.kind === "release") {
            const { hostAddress, hostDriver } = step;
            const known = entry?.functions.find((one) => one.hostAddress === hostAddress);
            violations.holds(`${hostAddress} is in the ledger`, known !== undefined);
            violations.equal("driver in the ledger", known?.hostDriver, driversBefore.get(hostAddress));
            violations.equal("driver in the step", hostDriver, known?.hostDriver);
          }
          now.apply(step);
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("holds all before its first plug, and mostly before its first unplug (invariant 1)", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const violations = new Violations();
        const firstPlug = Math.min(...indexesOf(plan, "plug"));
        const firstUnplug = Math.min(...indexesOf(plan, "unplug"));
        const handedBack = stepsOf(plan, "await-reattach").flatMap((s) =>
          s.functions.map((one) => one.hostAddress),
        );
        for (const [index, step] of plan.steps.entries()) {
          if (step.kind !== "hold") continue;
          violations.holds("held before the first plug", index < firstPlug);
          if (!handedBack.includes(step.hostAddress))
            violations.holds("held before the first unplug", index < firstUnplug);
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("plugs guest function 0 last and once, each other once before (invariant 2)", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const plugs = stepsOf(plan, "plug");
        const numbers = plugs.map((step) => step.target.guestFunction);
        if (numbers.length === 0) return;
        const violations = new Violations();
        violations.equal("first place of function 0", numbers.indexOf(0), numbers.length - 1);
        violations.equal("different numbers", new Set(numbers).size, numbers.length);
        violations.equal(
          "multifunction",
          plugs.map((s) => s.multifunction),
          numbers.map((n) => n === 0 && numbers.length > 1),
        );
        const desired = plan.target?.attached.map((one) => one.guestFunction);
        violations.equal("numbers", new Set(numbers), new Set(desired));
        const confirmed = plan.steps.findIndex((s) => s.kind === "confirm");
        violations.equal("place of confirm", confirmed, Math.max(...indexesOf(plan, "plug")) + 1);
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("has libvirt attach what is alone in a guest, after all is held", () => {
    fc.assert(
      fc.property(planned, ({ plan, world }) => {
        const [index, ...more] = indexesOf(plan, "attach-single");
        if (index === undefined) return;
        const violations = new Violations();
        violations.equal("further ones", more, []);
        violations.holds("libvirt plugs what is alone", world.plugsSingles);
        violations.equal("attached", plan.target?.attached.length, 1);
        violations.equal("plugs", [...indexesOf(plan, "plug"), ...indexesOf(plan, "unplug")], []);
        violations.holds("all is held before", Math.max(-1, ...indexesOf(plan, "hold")) < index);
        violations.equal("next step", plan.steps[index + 1]?.kind, "confirm");
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("unplugs before it plugs, by one device_del for a slot seen", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const violations = new Violations();
        const lastUnplug = Math.max(-1, ...indexesOf(plan, "unplug"));
        violations.holds("unplugs first", lastUnplug < Math.min(Infinity, ...indexesOf(plan, "plug")));
        for (const { functions, requests, seenByGuest, slot } of stepsOf(plan, "unplug")) {
          const first = functions.filter((one) => one.guestFunction === 0).map((one) => one.qemuId);
          const all = functions.map((one) => one.qemuId);
          violations.equal("seen", seenByGuest, first.length > 0);
          if (first.length > 0) violations.equal("requests", requests, first);
          else if (slot.kind.endsWith("-acpi")) violations.equal("number of requests", requests.length, 1);
          else violations.equal("requests", [...requests].sort(), all.sort());
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("never releases a function before its unplug, nor one that it plugs (invariant 3)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const violations = new Violations();
        const plugged = stepsOf(plan, "plug").map((s) => s.target.hostAddress);
        for (const [index, step] of plan.steps.entries()) {
          if (step.kind !== "release") continue;
          const { hostAddress } = step;
          const isPlugged = world.plugged.some((one) => one.hostAddress === hostAddress);
          const isUnplugged = plan.steps
            .slice(0, index)
            .some((s) => s.kind === "unplug" && s.functions.some((one) => one.hostAddress === hostAddress));
          violations.holds(`${hostAddress} is unplugged before`, isUnplugged || !isPlugged);
          const holding = world.holdings.find((one) => one.hostAddress === hostAddress);
          violations.holds(`${hostAddress} is not libvirt's`, holding?.isUnassigned !== false);
          violations.holds(`${hostAddress} is not plugged`, !plugged.includes(hostAddress));
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("waits for what libvirt hands back, between its unplug and its next hold", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const violations = new Violations();
        const now = world.clone();
        for (const step of plan.steps) {
          if (step.kind === "await-reattach")
            for (const { alias } of step.functions) {
              const holding = now.holdings.find((one) => one.alias === alias);
              violations.holds(`${alias} is unplugged`, !now.hasDevice(alias));
              violations.equal(`${alias} is unassigned`, holding?.isUnassigned, false);
            }
          now.apply(step);
        }
        const left = now.holdings.filter((h) => !h.isUnassigned && !now.hasDevice(h.alias));
        violations.equal(
          "left",
          left.filter((one) => plan.target?.entry.tag === findTagOfAlias(one.alias)),
          [],
        );
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("to change `persistent` alone touches neither the guest nor the host's drivers", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, desired }) => {
        const after = world.clone().applyAll(plan.steps);
        const flipped = { ...desired, persistent: !desired.persistent };
        const change = planUnlessRefused(after, flipped);
        const kinds = change?.steps.map((step) => step.kind) ?? [];
        expect(kinds).toEqual(flipped.persistent ? ["record", "configure"] : ["unconfigure", "erase"]);
        expect(interruptionOf(change ?? { steps: [] })).toBe("none");
      }),
    );
  });

  it("breaks no law of QEMU, libvirt or VFIO, and ends as desired", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const world = one.world.clone().applyAll(one.plan.steps);
        checkReached(violations, one, world, one.plan);
        checkDriversBack(violations, one, world);
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("is empty where what is desired is there already", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, desired }) => {
        const after = world.clone().applyAll(plan.steps);
        expect(planUnlessRefused(after, desired)?.steps).toEqual([]);
      }),
    );
  });

  it("touches nothing of others, neither on the way nor in the end (invariant 7)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const tags = plan.steps.flatMap((step) => {
          if (step.kind === "hold" || step.kind === "attach-single" || step.kind === "release")
            return findTagOfAlias(step.alias) ?? "none";
          if (step.kind === "plug") return findTagOfQemuId(step.target.qemuId) ?? "none";
          if (step.kind === "unplug") return step.functions.map((o) => findTagOfQemuId(o.qemuId) ?? "none");
          return step.kind === "record" || step.kind === "erase" ? step.entry.tag : [];
        });
        const violations = new Violations();
        const [tag, ...more] = new Set(tags);
        violations.equal("further tags", more, []);
        if (tag !== undefined) {
          const after = world.clone().applyAll(plan.steps);
          violations.equal("others", othersIn(after, tag), othersIn(world, tag));
          for (const { alias, hostAddress } of movesOf(plan))
            violations.equal("alias", alias, aliasOf(tag, hostAddress));
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });
});

describe("after a crash at any step of a plan (invariant 5)", () => {
  it("the next run of the same program reaches its aim, all drivers back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const world of worldsAlong(one.world, one.plan)) {
          checkMadeAgain(violations, one, world);
          violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("a detach gives back everything: nothing is left, every driver is back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const world of worldsAlong(one.world, one.plan)) {
          world.applyAll(planDetach(world.observe(), OWNER).steps);
          checkNothingLeft(violations, one, world);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("of a detach, the next detach finishes it", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const there = one.world.clone().applyAll(one.plan.steps);
        const plan = planDetach(there.observe(), OWNER);
        violations.equal("last step", plan.steps.at(-1)?.kind, "erase");
        for (const world of worldsAlong(there, plan)) {
          world.applyAll(planDetach(world.observe(), OWNER).steps);
          checkNothingLeft(violations, one, world);
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });

  it("of a detach, an attach brings everything back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const there = one.world.clone().applyAll(one.plan.steps);
        for (const world of worldsAlong(there, planDetach(there.observe(), OWNER))) {
          const again = planUnlessRefused(world, one.desired);
          if (again === undefined) continue;
          world.applyAll(again.steps);
          checkReached(violations, one, world, again);
          checkDriversBack(violations, one, world);
        }
        expect(violations.all).toEqual([]);
      }),
    );
  });
});

describe("where the guest is shut off and started anew after any step of a plan", () => {
  it("it boots: no step leaves part of a set configured (decision 0012)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const violations = new Violations();
        // the world itself throws where the guest would not start
        for (const now of worldsAlong(world, plan)) violations.passes("boot", () => bootAnew(now));
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it("the next run of the same program reaches its aim, all drivers back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        // before the first step nothing of a persistent attachment is on record, and of another one never
        fc.pre(one.desired.persistent);
        const violations = new Violations();
        const [, ...begun] = worldsAlong(one.world, one.plan);
        for (const world of begun) {
          bootAnew(world);
          checkMadeAgain(violations, one, world);
          violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("a persistent attachment is recognised as the same one: nothing is to be done", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, desired }) => {
        const persistent = { ...desired, persistent: true };
        const there = world.clone().applyAll(plan.steps);
        there.applyAll(planUnlessRefused(there, persistent)?.steps ?? []);
        there.stopGuest();
        expect(planUnlessRefused(there, persistent)?.steps).toEqual([]);
        there.coldBoot();
        expect(planUnlessRefused(there, persistent)?.steps).toEqual([]);
      }),
    );
  });

  it("a detach gives back everything, also before the guest has started", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const prior = one.plan.steps.find((step) => step.kind === "record")?.entry;
        for (const off of worldsAlong(one.world, one.plan)) {
          off.stopGuest();
          const booted = off.clone().coldBoot();
          for (const world of [booted, off]) {
            world.applyAll(planDetach(world.observe(), OWNER, prior).steps);
            checkNothingLeft(violations, one, world);
          }
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("what is put right while it is off is all there when it boots", () => {
    const whileOff = ["record", "unconfigure", "configure", "restore"];
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const world of worldsAlong(one.world, one.plan)) {
          world.stopGuest();
          const again = planUnlessRefused(world, one.desired);
          if (again === undefined) continue;
          const others = again.steps.filter((step) => !whileOff.includes(step.kind));
          violations.equal("steps that need a running guest", others, []);
          world.applyAll(again.steps).coldBoot();
          checkReached(violations, one, world, again);
          violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

function bootAnew(world: World): void {
  world.stopGuest();
  world.coldBoot();
}
