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
import { expectDriversBack, expectNothingLeft, expectReached } from "../../support/reached";
import { OWNER, planUnlessRefused, scenario, type Scenario } from "../../support/scenarios";
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

describe("every plan", () => {
  it("leaves the guest what it has whole, whatever slots the next boot moves", () => {
    fc.assert(
      fc.property(scenario, ({ world, desired }) => {
        const first = planUnlessRefused(world, desired);
        if (first === undefined) return;
        world.applyAll(first.steps);
        world.reserveAtBoot(Object.fromEntries(world.plugged.map((one) => [one.bus, one.slot])));
        const plan = planUnlessRefused(world, desired);
        expect(plan?.steps).toEqual([]);
      }),
    );
  });

  it("writes the ledger before it changes anything else, unless the ledger says it already", () => {
    fc.assert(
      fc.property(planned, ({ plan, world }) => {
        const takes = ["hold", "attach-single", "unplug", "plug"] as const;
        const ledgerHasIt = plan.steps.findIndex((step) => step.kind === "record");
        if (takes.some((kind) => indexesOf(plan, kind).length > 0) && ledgerHasIt >= 0)
          expect(ledgerHasIt).toBe(0);
        const takesAny = stepsOf(plan, "hold").length + stepsOf(plan, "attach-single").length > 0;
        const known = world.ledger.filter((line) => line.entry.owner === OWNER).map((line) => line.entry);
        if (ledgerHasIt < 0 && takesAny) expect(known).toEqual([plan.target?.entry]);
      }),
    );
  });

  it("names in the ledger from the first step each function that it takes", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, driversBefore }) => {
        const now = world.clone();
        for (const step of plan.steps) {
          const entry = now.ledger.find((line) => line.entry.owner === OWNER)?.entry;
          if (step.kind === "hold" || step.kind === "attach-single" || step.kind === "release") {
            const known = entry?.functions.find((one) => one.hostAddress === step.hostAddress);
            expect(known).toBeDefined();
            expect(known?.hostDriver).toBe(driversBefore.get(step.hostAddress));
            expect(step.hostDriver).toBe(known?.hostDriver);
          }
          now.apply(step);
        }
      }),
    );
  });

  it("holds all before its first plug, and mostly before its first unplug (invariant 1)", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const firstPlug = Math.min(...indexesOf(plan, "plug"));
        const firstUnplug = Math.min(...indexesOf(plan, "unplug"));
        const handedBack = stepsOf(plan, "await-reattach").flatMap((s) =>
          s.functions.map((one) => one.hostAddress),
        );
        for (const [index, step] of plan.steps.entries()) {
          if (step.kind !== "hold") continue;
          expect(index).toBeLessThan(firstPlug);
          if (!handedBack.includes(step.hostAddress)) expect(index).toBeLessThan(firstUnplug);
        }
      }),
    );
  });

  it("plugs guest function 0 last and once, each other once before (invariant 2)", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const numbers = stepsOf(plan, "plug").map((step) => step.target.guestFunction);
        if (numbers.length === 0) return;
        expect(numbers.indexOf(0)).toBe(numbers.length - 1);
        expect(new Set(numbers).size).toBe(numbers.length);
        const { target } = plan;
        expect(
          stepsOf(plan, "plug").every(
            (s) => s.multifunction === (s.target.guestFunction === 0 && numbers.length > 1),
          ),
        ).toBe(true);
        expect(new Set(numbers)).toEqual(new Set(target?.attached.map((one) => one.guestFunction)));
        expect(plan.steps.findIndex((s) => s.kind === "confirm")).toBe(
          Math.max(...indexesOf(plan, "plug")) + 1,
        );
      }),
    );
  });

  it("has libvirt attach what is alone in a guest, after all is held", () => {
    fc.assert(
      fc.property(planned, ({ plan, world }) => {
        const [index, ...more] = indexesOf(plan, "attach-single");
        if (index === undefined) return;
        expect(more).toEqual([]);
        expect(world.plugsSingles).toBe(true);
        expect(plan.target?.attached).toHaveLength(1);
        expect([...indexesOf(plan, "plug"), ...indexesOf(plan, "unplug")]).toEqual([]);
        expect(Math.max(-1, ...indexesOf(plan, "hold"))).toBeLessThan(index);
        expect(plan.steps[index + 1]?.kind).toBe("confirm");
      }),
      { numRuns: 300 },
    );
  });

  it("unplugs before it plugs, by one device_del for a slot seen", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        expect(Math.max(-1, ...indexesOf(plan, "unplug"))).toBeLessThan(
          Math.min(Infinity, ...indexesOf(plan, "plug")),
        );
        for (const step of stepsOf(plan, "unplug")) {
          const hasFunctionZero = step.functions.some((one) => one.guestFunction === 0);
          expect(step.seenByGuest).toBe(hasFunctionZero);
          if (hasFunctionZero)
            expect(step.requests).toEqual(
              step.functions.filter((one) => one.guestFunction === 0).map((one) => one.qemuId),
            );
          else if (step.slot.kind.endsWith("-acpi")) expect(step.requests).toHaveLength(1);
          else expect([...step.requests].sort()).toEqual(step.functions.map((one) => one.qemuId).sort());
        }
      }),
    );
  });

  it("never releases a function before its unplug, nor one that it plugs (invariant 3)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        for (const [index, step] of plan.steps.entries()) {
          if (step.kind !== "release") continue;
          const isPlugged = world.plugged.some((one) => one.hostAddress === step.hostAddress);
          const gone = plan.steps
            .slice(0, index)
            .some(
              (s) => s.kind === "unplug" && s.functions.some((one) => one.hostAddress === step.hostAddress),
            );
          expect(gone || !isPlugged).toBe(true);
          expect(world.holdings.find((one) => one.hostAddress === step.hostAddress)?.isUnassigned).not.toBe(
            false,
          );
          expect(stepsOf(plan, "plug").map((s) => s.target.hostAddress)).not.toContain(step.hostAddress);
        }
      }),
    );
  });

  it("waits for what libvirt hands back, between its unplug and its next hold", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const now = world.clone();
        for (const step of plan.steps) {
          if (step.kind === "await-reattach")
            for (const { alias } of step.functions) {
              expect(now.hasDevice(alias)).toBe(false);
              expect(now.holdings.find((one) => one.alias === alias)?.isUnassigned).toBe(false);
            }
          now.apply(step);
        }
        const left = now.holdings.filter((h) => !h.isUnassigned && !now.hasDevice(h.alias));
        expect(left.filter((one) => plan.target?.entry.tag === findTagOfAlias(one.alias))).toEqual([]);
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

  it("breaks no law of QEMU, libvirt or VFIO, and ends as wanted", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const world = one.world.clone().applyAll(one.plan.steps);
        expectReached(one, world, one.plan);
        expectDriversBack(one, world);
      }),
      { numRuns: 150 },
    );
  });

  it("is empty where what is wanted is there already", () => {
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
        expect(new Set(tags).size).toBeLessThanOrEqual(1);
        const [tag] = tags;
        if (tag === undefined) return;
        const after = world.clone().applyAll(plan.steps);
        expect(othersIn(after, tag)).toEqual(othersIn(world, tag));
        for (const step of plan.steps)
          if (step.kind === "hold" || step.kind === "attach-single" || step.kind === "release")
            expect(step.alias).toBe(aliasOf(tag, step.hostAddress));
      }),
    );
  });
});

describe("after a crash at any step of a plan (invariant 5)", () => {
  it("the next run of the same program reaches its aim, all drivers back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        for (let k = 0; k <= one.plan.steps.length; k++) {
          const crashed = one.world.clone().applyAll(one.plan.steps.slice(0, k));
          const again = planUnlessRefused(crashed, one.desired);
          if (again === undefined) throw new Error(`refused after a crash at step ${k}`);
          const world = crashed.applyAll(again.steps);
          expectReached(one, world, again);
          expectDriversBack(one, world);
          expect(planUnlessRefused(world, one.desired)?.steps).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("a detach gives back everything: nothing is left, every driver is back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        for (let k = 0; k <= one.plan.steps.length; k++) {
          const crashed = one.world.clone().applyAll(one.plan.steps.slice(0, k));
          const world = crashed.applyAll(planDetach(crashed.observe(), OWNER).steps);
          expectNothingLeft(one, world);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("of a detach, the next detach finishes it", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const there = one.world.clone().applyAll(one.plan.steps);
        const plan = planDetach(there.observe(), OWNER);
        expect(plan.steps.at(-1)?.kind).toBe("erase");
        for (let k = 0; k <= plan.steps.length; k++) {
          const crashed = there.clone().applyAll(plan.steps.slice(0, k));
          const world = crashed.applyAll(planDetach(crashed.observe(), OWNER).steps);
          expectNothingLeft(one, world);
        }
      }),
    );
  });

  it("of a detach, an attach brings everything back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const there = one.world.clone().applyAll(one.plan.steps);
        const plan = planDetach(there.observe(), OWNER);
        for (let k = 0; k <= plan.steps.length; k++) {
          const crashed = there.clone().applyAll(plan.steps.slice(0, k));
          const again = planUnlessRefused(crashed, one.desired);
          if (again === undefined) continue;
          const world = crashed.applyAll(again.steps);
          expectReached(one, world, again);
          expectDriversBack(one, world);
        }
      }),
    );
  });
});

describe("where the guest is shut off and started anew after any step of a plan", () => {
  it("it boots: no step leaves part of a set configured (decision 0012)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        // the world itself throws where the guest would not start
        for (let k = 0; k <= plan.steps.length; k++) expect(() => bootedAnew(world, plan, k)).not.toThrow();
      }),
      { numRuns: 1500 },
    );
  });

  it("the next run of the same program reaches its aim, all drivers back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        // before the first step nothing of a persistent attachment is on record, and of another one never
        fc.pre(one.desired.persistent);
        for (let k = 1; k <= one.plan.steps.length; k++) {
          const world = bootedAnew(one.world, one.plan, k);
          const again = planUnlessRefused(world, one.desired);
          if (again === undefined) throw new Error(`refused after a cold boot at step ${k}`);
          world.applyAll(again.steps);
          expectReached(one, world, again);
          expectDriversBack(one, world);
          expect(planUnlessRefused(world, one.desired)?.steps).toEqual([]);
        }
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
        for (let k = 0; k <= one.plan.steps.length; k++) {
          const prior = one.plan.steps.find((step) => step.kind === "record")?.entry;
          const booted = bootedAnew(one.world, one.plan, k);
          expectNothingLeft(one, booted.applyAll(planDetach(booted.observe(), OWNER, prior).steps));
          const off = shutOff(one.world, one.plan, k);
          expectNothingLeft(one, off.applyAll(planDetach(off.observe(), OWNER, prior).steps));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("what is put right while it is off is all there when it boots", () => {
    fc.assert(
      fc.property(planned, (one) => {
        for (let k = 0; k <= one.plan.steps.length; k++) {
          const world = shutOff(one.world, one.plan, k);
          const again = planUnlessRefused(world, one.desired);
          if (again === undefined) continue;
          expect(
            again.steps.every((step) =>
              ["record", "unconfigure", "configure", "restore"].includes(step.kind),
            ),
          ).toBe(true);
          world.applyAll(again.steps).coldBoot();
          expectReached(one, world, again);
          expect(planUnlessRefused(world, one.desired)?.steps).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** The guest after so many steps of a plan and a shutdown. */
function shutOff(world: World, plan: Plan, steps: number): World {
  const stopped = world.clone().applyAll(plan.steps.slice(0, steps));
  stopped.stopGuest();
  return stopped;
}

function bootedAnew(world: World, plan: Plan, steps: number): World {
  return shutOff(world, plan, steps).coldBoot();
}
