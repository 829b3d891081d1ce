import fc from "fast-check";
import { planDetach, type Plan } from "../../../provider/plan";
import { OLD_STATE, OWNER, planUnlessRefused, refusalOf, scenario } from "../../support/scenarios";
import type { World } from "../../support/world";

const isCut = ({ steps }: Plan): boolean => steps.some((step) => step.kind === "unplug" && step.seenByGuest);
const withoutWarnings = ({ warnings: _, ...plan }: Plan): Plan => plan;

/** The same world, with this connection through its guest. */
function through(world: World): World {
  const copy = world.clone();
  copy.wayThroughGuest = { certainty: "sure", interfaces: ["vnet3"] };
  return copy;
}

describe("where this connection goes through the guest", () => {
  it("no plan unplugs what the guest has seen, unless that is allowed", () => {
    fc.assert(
      fc.property(scenario, ({ world, desired }) => {
        const plan = planUnlessRefused(through(world), desired);
        expect(plan === undefined ? false : isCut(plan)).toBe(false);
      }),
    );
  });

  it("a plan that is allowed to is the one without the connection", () => {
    fc.assert(
      fc.property(scenario, ({ world, desired }) => {
        const allowed = planUnlessRefused(through(world), { ...desired, allowDisconnect: true });
        const usual = planUnlessRefused(world, desired);
        expect(allowed && withoutWarnings(allowed)).toEqual(usual && withoutWarnings(usual));
      }),
    );
  });

  it("a detach is refused exactly where the guest would lose something", () => {
    fc.assert(
      fc.property(scenario, ({ world }) => {
        const seen = through(world).observe();
        const back = planDetach(seen, OWNER, OLD_STATE);
        expect(refusalOf(() => planDetach(seen, OWNER, OLD_STATE, {}))).toBe(
          isCut(back) ? "CONNECTION_THROUGH_GUEST" : undefined,
        );
      }),
    );
  });
});
