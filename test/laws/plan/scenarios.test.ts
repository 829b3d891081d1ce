import fc from "fast-check";
import type { ErrorCode } from "../../../provider/errors";
import { planAttach, planDetach, type Step } from "../../../provider/plan";
import {
  OLD_STATE,
  olderScenario,
  OWNER,
  planUnlessRefused,
  refusalsOf,
  scenario,
  type Scenario,
} from "../../support/scenarios";

/** What the laws of plans are asked of: a law that nothing in the sample is about holds for nothing. */
interface Reached {
  /** Of all scenarios, the share that is planned. */
  readonly planned: number;
  /** Codes with which the others are refused. */
  readonly refusals: ErrorCode[];
  /** Steps that at least one in forty plans to attach has. */
  readonly attaching: Step["kind"][];
  /** Steps that at least one in forty plans to detach has. */
  readonly detaching: Step["kind"][];
}

/** Always the same ones, since a share of random ones would miss its bound in some run. */
const SAMPLE = { numRuns: 600, seed: 1 };

function reachedBy(scenarios: fc.Arbitrary<Scenario>): Reached {
  const attaching: (readonly Step[])[] = [];
  const detaching: (readonly Step[])[] = [];
  const refusals = new Set<ErrorCode>();
  for (const { world, desired } of fc.sample(scenarios, SAMPLE)) {
    const plan = planUnlessRefused(world, desired);
    if (plan !== undefined) attaching.push(plan.steps);
    else
      for (const code of refusalsOf(() => planAttach(world.observe(), desired, OLD_STATE)))
        refusals.add(code);
    detaching.push(planDetach(world.observe(), OWNER).steps);
  }
  return {
    planned: attaching.length / SAMPLE.numRuns,
    refusals: [...refusals].sort(),
    attaching: frequentKinds(attaching),
    detaching: frequentKinds(detaching),
  };
}

function frequentKinds(plans: readonly (readonly Step[])[]): Step["kind"][] {
  const counts = new Map<Step["kind"], number>();
  for (const steps of plans)
    for (const kind of new Set(steps.map((step) => step.kind))) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].flatMap(([kind, count]) => (count * 40 >= plans.length ? kind : [])).sort();
}

const REFUSALS = [
  "ATTACHMENT_OWNED_BY_ANOTHER",
  "FUNCTION_HELD_BY_GUEST",
  "FUNCTION_IS_BRIDGE",
  "LEFTOVERS_REFUSED",
  "NO_FREE_SLOT",
  "SLOT_REFUSED",
];

describe("the random scenarios", () => {
  it("are mostly planned, reach each kind of step, and are refused in many ways", () => {
    const { planned, ...reached } = reachedBy(scenario);
    expect(planned).toBeGreaterThan(0.6);
    expect(planned).toBeLessThan(0.9);
    expect(reached).toEqual({
      refusals: REFUSALS,
      attaching: [
        "attach-single",
        "await-reattach",
        "configure",
        "confirm",
        "erase",
        "hold",
        "plug",
        "record",
        "release",
        "restore",
        "unconfigure",
        "unplug",
      ],
      detaching: ["await-reattach", "erase", "release", "restore", "unconfigure", "unplug"],
    });
  });

  it("with an older libvirt have stepping stones, and are refused where none can be", () => {
    const { planned, ...reached } = reachedBy(olderScenario);
    expect(planned).toBeGreaterThan(0.4);
    expect(planned).toBeLessThan(0.9);
    expect(reached).toEqual({
      refusals: [...REFUSALS, "STEPPING_STONE_IMPOSSIBLE"],
      attaching: [
        "attach-single",
        "await-reattach",
        "confirm",
        "hold",
        "plug",
        "plug-stepping-stone",
        "record",
        "release",
        "restore",
        "unplug",
        "unplug-stepping-stone",
      ],
      detaching: ["await-reattach", "erase", "release", "restore", "unplug"],
    });
  });
});
