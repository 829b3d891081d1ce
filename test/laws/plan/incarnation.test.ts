import fc from "fast-check";
import { ProviderError } from "../../../provider/errors";
import { planAttach, type Incarnation, type Plan } from "../../../provider/plan";
import { scenario } from "../../support/scenarios";

const FIRST: Incarnation = { incarnation: "1".repeat(32), since: "2026-11-29T12:00:00Z" };
const SECOND: Incarnation = { incarnation: "2".repeat(32), since: "2026-11-30T09:30:00Z" };

test("no create takes a function 0 away that stands, unless it may adopt", () => {
  const isFirst = (one: { guestFunction: number }): boolean => one.guestFunction === 0;
  let planned = 0;
  fc.assert(
    fc.property(scenario, fc.boolean(), ({ world, desired }, hasIncarnation) => {
      if (hasIncarnation)
        world.ledger = world.ledger.map((line) => ({ ...line, entry: { ...line.entry, ...FIRST } }));
      let plan: Plan;
      try {
        plan = planAttach(world.observe(), { ...desired, adopt: false, fresh: SECOND });
      } catch (refusal) {
        if (refusal instanceof ProviderError) return;
        throw refusal;
      }
      planned += 1;
      const before = world.plugged.filter(isFirst).map((one) => one.qemuId);
      for (const step of plan.steps) {
        world.apply(step);
        for (const id of before) expect(world.hasDevice(id)).toBe(true);
      }
    }),
    { numRuns: 600 },
  );
  expect(planned).toBeGreaterThan(100);
});
