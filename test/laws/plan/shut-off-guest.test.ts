import fc from "fast-check";
import { configurationOf, findTagOfAlias, planDetach, type Plan } from "../../../provider/plan";
import { checkDriversBack, checkNothingLeft, worldsAlong } from "../../support/reached";
import { OWNER, planUnlessRefused, shutOffScenario, type Scenario } from "../../support/scenarios";
import { Violations } from "../../support/violations";
import type { World } from "../../support/world";

/** A random plan for a guest that is shut off; what is refused is passed over. */
const planned = shutOffScenario
  .map((one) => ({ ...one, plan: planUnlessRefused(one.world, one.desired) }))
  .filter((one): one is Scenario & { plan: Plan } => one.plan !== undefined);

const configuredOf = (world: World, isOwn: (tag: string | undefined) => boolean): World["configured"] =>
  world.configured
    .filter((one) => isOwn(findTagOfAlias(one.alias)))
    .sort((a, b) => a.hostAddress.localeCompare(b.hostAddress));

/** The configuration has the set, and its ledger says so; the host has everything. */
function checkWritten(violations: Violations, one: Scenario, world: World, { target }: Plan): void {
  if (target === undefined) throw new Error("a plan to attach has a target");
  const { entry } = target;
  const desired = configurationOf(entry).sort((a, b) => a.hostAddress.localeCompare(b.hostAddress));
  const isOwn = (tag: string | undefined): boolean => tag === entry.tag;
  violations.equal("configuration", configuredOf(world, isOwn).map(placeOf), desired.map(placeOf));
  violations.equal(
    "ledger of the configuration",
    world.configuredLedger.filter((other) => other.tag === entry.tag || other.owner === OWNER),
    [entry],
  );
  violations.equal(
    "held",
    world.holdings.filter((other) => isOwn(findTagOfAlias(other.alias))),
    [],
  );
  checkDriversBack(violations, one, world);
}

const placeOf = ({ hostAddress, alias, guestAddress, romFile }: World["configured"][number]): unknown => ({
  hostAddress,
  alias,
  guestAddress,
  romFile,
});

describe("every plan for a guest that is shut off", () => {
  it("writes the set to its configuration, and takes nothing from the host", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const kinds = new Set(one.plan.steps.map((step) => step.kind));
        for (const kind of ["hold", "plug", "attach-single", "unplug", "release"] as const)
          violations.holds(`no ${kind}`, !kinds.has(kind));
        const world = one.world.clone().applyAll(one.plan.steps);
        checkWritten(violations, one, world, one.plan);
        violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves alone what the configuration has of others", () => {
    fc.assert(
      fc.property(planned, ({ world, plan }) => {
        const isOthers = (tag: string | undefined): boolean => tag !== plan.target?.entry.tag;
        const before = configuredOf(world, isOthers);
        expect(configuredOf(world.applyAll(plan.steps), isOthers)).toEqual(before);
      }),
    );
  });

  it("is what the guest has after its start, and is destroyed then", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        const world = one.world.applyAll(one.plan.steps).coldBoot();
        const { slot, attached } = one.plan.target ?? { attached: [] };
        const seen = world.guestSees().find((place) => place.bus === slot?.bus && place.slot === slot.slot);
        violations.equal(
          "seen by the guest",
          seen?.map,
          attached.map(({ hostAddress, guestFunction }) => ({ hostAddress, guestFunction })),
        );
        violations.equal("steps then", planUnlessRefused(world, one.desired)?.steps, []);
        world.applyAll(planDetach(world.observe(), OWNER).steps);
        checkNothingLeft(violations, one, world);
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("cut off at any step is finished by the next run, or taken back", () => {
    fc.assert(
      fc.property(planned, (one) => {
        const violations = new Violations();
        for (const world of worldsAlong(one.world, one.plan)) {
          const again = planUnlessRefused(world, one.desired);
          violations.holds("what was cut off is not refused", again !== undefined);
          if (again) checkWritten(violations, one, world.clone().applyAll(again.steps), again);
          world.applyAll(planDetach(world.observe(), OWNER).steps);
          checkNothingLeft(violations, one, world);
        }
        expect(violations.all).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
