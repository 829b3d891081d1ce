import fc from "fast-check";
import { VFIO_DRIVER } from "../../../provider/pci";
import {
  aliasOf,
  findTagOfAlias,
  findTagOfQemuId,
  planDetach,
  type Plan,
  type Step,
} from "../../../provider/plan";
import { OWNER, planUnlessRefused, scenario, type Scenario } from "../../support/scenarios";
import { OWN_GUEST, type World } from "../../support/world";

const indexesOf = (plan: Plan, kind: Step["kind"]): number[] =>
  plan.steps.flatMap((step, index) => (step.kind === kind ? [index] : []));
const stepsOf = <K extends Step["kind"]>(plan: Plan, kind: K): Extract<Step, { kind: K }>[] =>
  plan.steps.filter((step): step is Extract<Step, { kind: K }> => step.kind === kind);

/** A random plan to attach, and the world it is for; scenarios that are refused are passed over. */
const planned = scenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.wanted) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined);
/** A random plan to detach. */
const detached = scenario.map((one) => ({ ...one, plan: planDetach(one.world.observe(), OWNER) }));

/** What is not this attachment's: others' holdings, devices and ledger lines. */
function othersIn(world: World, tag: string): unknown {
  return {
    holdings: world.holdings.filter((one) => findTagOfAlias(one.alias) !== tag || one.guest !== OWN_GUEST),
    plugged: world.plugged.filter((one) => findTagOfQemuId(one.qemuId) !== tag),
    ledger: world.ledger.filter((line) => line.entry.tag !== tag && line.entry.owner !== OWNER),
    occupants: world.observe().buses.map((bus) => bus.occupants.filter((o) => o.id.startsWith("net-"))),
  };
}

/** Every function that nobody holds is on the driver it had before this owner came. */
function expectDriversBack({ driversBefore }: Scenario, world: World): void {
  for (const [address, { driver }] of world.functions)
    if (!world.holdings.some((one) => one.address === address))
      expect(`${address} ${driver}`).toBe(`${address} ${driversBefore.get(address)}`);
}

/** What was wanted is there: these functions under these numbers, each group safe, the ledger true. */
function expectReached({ wanted }: Scenario, world: World, plan: Plan): void {
  const { target } = plan;
  if (target === undefined) throw new Error("a plan to attach has a target");
  const seen = world
    .guestSees()
    .filter((one) => one.bus === target.slot.bus && one.slot === target.slot.slot);
  const map = target.attached.map(({ hostAddress, guestFunction }) => ({ hostAddress, guestFunction }));
  expect(seen.map((one) => one.map)).toEqual([map]);
  const own = world.ledger.filter((line) => line.entry.owner === OWNER);
  expect(own.map((line) => line.entry)).toEqual([target.entry]);
  const ours = world.holdings.filter((one) => findTagOfAlias(one.alias) === target.entry.tag);
  expect(ours.map((one) => one.address).sort()).toEqual(
    target.entry.functions.map((one) => one.address).sort(),
  );
  if (wanted.leftovers === "refuse")
    expect(
      ours
        .filter((o) => !map.some((m) => m.hostAddress === o.address))
        .every((one) =>
          [undefined, VFIO_DRIVER].includes(
            target.entry.functions.find((f) => f.address === one.address)?.hostDriver,
          ),
        ),
    ).toBe(true);
}

describe("every plan", () => {
  it("writes the ledger before it changes anything else", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const changes = plan.steps.findIndex((step) => step.kind !== "record" && step.kind !== "confirm");
        const takes = ["hold", "unplug", "plug"] as const;
        const ledgerHasIt = plan.steps.findIndex((step) => step.kind === "record");
        if (takes.some((kind) => indexesOf(plan, kind).length > 0) && ledgerHasIt >= 0)
          expect(ledgerHasIt).toBe(0);
        if (ledgerHasIt < 0 && changes >= 0) expect(stepsOf(plan, "hold")).toEqual([]);
      }),
    );
  });

  it("names in the ledger, from the first step on, every function that it holds or plugs, and its driver", () => {
    fc.assert(
      fc.property(planned, ({ plan, world, driversBefore }) => {
        const now = world.clone();
        for (const step of plan.steps) {
          const entry = now.ledger.find((line) => line.entry.owner === OWNER)?.entry;
          if (step.kind === "hold" || step.kind === "release") {
            const known = entry?.functions.find((one) => one.address === step.address);
            expect(known).toBeDefined();
            expect(known?.hostDriver).toBe(driversBefore.get(step.address));
            expect(step.hostDriver).toBe(known?.hostDriver);
          }
          now.apply(step);
        }
      }),
    );
  });

  it("holds every function before its first unplug and before its first plug (invariant 1)", () => {
    fc.assert(
      fc.property(planned, ({ plan }) => {
        const holds = indexesOf(plan, "hold");
        const firstMove = Math.min(...indexesOf(plan, "plug"), ...indexesOf(plan, "unplug"));
        expect(holds.every((index) => index < firstMove)).toBe(true);
      }),
    );
  });

  it("plugs guest function 0 last and once, and each other once before it (invariant 2)", () => {
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

  it("unplugs before it plugs, and sends one device_del for a slot the guest has seen", () => {
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
          const isPlugged = world.plugged.some((one) => one.hostAddress === step.address);
          const gone = plan.steps
            .slice(0, index)
            .some((s) => s.kind === "unplug" && s.functions.some((one) => one.hostAddress === step.address));
          expect(gone || !isPlugged).toBe(true);
          expect(stepsOf(plan, "plug").map((s) => s.target.hostAddress)).not.toContain(step.address);
        }
      }),
    );
  });

  it("breaks no law of QEMU, libvirt or VFIO on its way, and ends in what was wanted", () => {
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
      fc.property(planned, ({ plan, world, wanted }) => {
        const after = world.clone().applyAll(plan.steps);
        expect(planUnlessRefused(after, wanted)?.steps).toEqual([]);
      }),
    );
  });

  it("touches nothing of others, neither on the way nor in the end (invariant 7)", () => {
    fc.assert(
      fc.property(fc.oneof(planned, detached), ({ plan, world }) => {
        const tags = plan.steps.flatMap((step) => {
          if (step.kind === "hold" || step.kind === "release") return findTagOfAlias(step.alias) ?? "none";
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
          if (step.kind === "hold" || step.kind === "release")
            expect(step.alias).toBe(aliasOf(tag, step.address));
      }),
    );
  });
});

describe("after a crash at any step of a plan (invariant 5)", () => {
  it("the next run of the same program reaches what is wanted, and every other driver is back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        for (let k = 0; k <= one.plan.steps.length; k++) {
          const crashed = one.world.clone().applyAll(one.plan.steps.slice(0, k));
          const again = planUnlessRefused(crashed, one.wanted);
          if (again === undefined) throw new Error(`refused after a crash at step ${k}`);
          const world = crashed.applyAll(again.steps);
          expectReached(one, world, again);
          expectDriversBack(one, world);
          expect(planUnlessRefused(world, one.wanted)?.steps).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("a detach gives back everything: nothing is plugged, held or recorded, every driver is back", () => {
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
          const again = planUnlessRefused(crashed, one.wanted);
          if (again === undefined) continue;
          const world = crashed.applyAll(again.steps);
          expectReached(one, world, again);
          expectDriversBack(one, world);
        }
      }),
    );
  });
});

function expectNothingLeft(one: Scenario, world: World): void {
  expect(world.ledger.filter((line) => line.entry.owner === OWNER)).toEqual([]);
  const tagsOfOthers = new Set(world.ledger.map((line) => line.entry.tag));
  const strays = [
    ...world.plugged.map((other) => findTagOfQemuId(other.qemuId)),
    ...world.holdings.map((other) => findTagOfAlias(other.alias)),
  ].filter((tag) => tag !== undefined && !tagsOfOthers.has(tag));
  expect(strays).toEqual([]);
  expectDriversBack(one, world);
}
