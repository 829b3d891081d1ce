import fc from "fast-check";
import { hasCode, type ErrorCode, ProviderError } from "../../provider/errors";
import type { GuestBus, PciAddress } from "../../provider/pci";
import type { HostFunction } from "../../provider/host/facts";
import { planAttach, type Plan, type PriorAttachment, type DesiredAttachment } from "../../provider/plan";
import { buses, desiredOf, host, wish, type Wish } from "./scenario-parts";
import { OTHER_GUEST, World, type WorldStart } from "./world";

export const OWNER = "acme/prod/nic";
export const OTHER_OWNER = "acme/prod/storage";

/** Of a state of 0.1 that has nothing to remember; without one it is a create that asks. */
export const OLD_STATE: PriorAttachment = { functions: [] };

/** A host, others on it, and what two consecutive programs of one owner want. */
export interface Scenario {
  readonly world: World;
  /** What each function was bound to before this owner came. */
  readonly driversBefore: ReadonlyMap<PciAddress, string | undefined>;
  readonly desired: DesiredAttachment;
}

/** The plan, or undefined where it is refused; anything but a catalogued refusal is a failure of the test. */
export function planUnlessRefused(
  world: World,
  desired: DesiredAttachment,
  prior: PriorAttachment = OLD_STATE,
): Plan | undefined {
  try {
    return planAttach(world.observe(), desired, prior);
  } catch (error) {
    if (hasCode(error, ...refusals)) return undefined;
    throw error;
  }
}

/** The code of what a planner throws. */
export function refusalOf(plan: () => unknown): ErrorCode | undefined {
  try {
    plan();
  } catch (error) {
    if (error instanceof ProviderError) return error.code;
    throw error;
  }
  return undefined;
}

/** The codes of all that a planner throws, in order. */
export function refusalsOf(plan: () => unknown): ErrorCode[] {
  try {
    plan();
  } catch (error) {
    if (error instanceof ProviderError) return [error, ...error.others].map((one) => one.code);
    throw error;
  }
  return [];
}

/** Every code with which a plan can be refused. */
export const refusals: readonly ErrorCode[] = [
  "ATTACHMENT_ADOPTED_BY_ANOTHER",
  "ATTACHMENT_OWNED_BY_ANOTHER",
  "CONNECTION_THROUGH_GUEST",
  "DEVICE_NOT_FOUND",
  "DOMAIN_NOT_ADDRESSABLE",
  "FUNCTION_CONFIGURED_ELSEWHERE",
  "FUNCTION_CONFIGURED_OTHERWISE",
  "FUNCTION_HELD_BY_GUEST",
  "FUNCTION_IS_BRIDGE",
  "FUNCTION_NOT_FOUND",
  "FUNCTION_PLUGGED_OTHERWISE",
  "FUNCTION_UNIDENTIFIED",
  "FUNCTION_USED_BY_HOST",
  "FUNCTION_WITHOUT_IOMMU_GROUP",
  "GROUP_BRIDGE_IN_USE",
  "GROUP_NODE_CLOSED",
  "GUEST_HALTED",
  "GUEST_IS_TRANSIENT",
  "GUEST_NEVER_RAN",
  "GUEST_NOT_FOUND",
  "GUEST_NOT_RUNNING",
  "HOST_RULES_MISSING",
  "LEFTOVERS_REFUSED",
  "LEFTOVER_NOT_HELD",
  "MEMLOCK_TOO_LOW",
  "NO_FREE_SLOT",
  "PERSISTENT_NEEDS_NEWER_LIBVIRT",
  "PHYSICAL_FUNCTION_NEEDED",
  "SLOT_CONFIGURED_OTHERWISE",
  "SLOT_REFUSED",
  "STEPPING_STONE_IMPOSSIBLE",
];

/** A libvirt that knows no unassigned function live. */
export const OLDER_LIBVIRT = { version: "7.0.0" };

/** A program that is through. */
const FINISHED = 1_000;

/** A set of functions by their places among the host's, at most five of each of three devices. */
const someFunctions = fc.nat({ max: 2 ** 15 - 1 });

interface ScenarioParts {
  readonly functions: HostFunction[];
  readonly buses: GuestBus[];
  readonly foreign: Wish | undefined;
  readonly heldElsewhere: number | undefined;
  readonly earlier: Wish | undefined;
  readonly progress: number;
  readonly losing: number;
  readonly qemuVersion: string;
  readonly runState: "running" | "paused";
  readonly isBootedAnew: boolean;
  readonly plugsSingles: boolean;
  readonly variants: number;
  readonly desired: Wish;
}

const mostlyRunning = fc.oneof(
  { weight: 7, arbitrary: fc.constant("running" as const) },
  { weight: 1, arbitrary: fc.constant("paused" as const) },
);

const scenarioParts = {
  functions: host,
  buses,
  foreign: fc.option(wish, { nil: undefined, freq: 2 }),
  heldElsewhere: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat({ max: 29 }) },
  ),
  earlier: fc.option(wish, { nil: undefined }),
  progress: fc.oneof(fc.constant(FINISHED), fc.nat({ max: FINISHED })),
  losing: someFunctions,
  qemuVersion: fc.constantFrom("10.0.13", "7.2.22", "5.2.0"),
  isBootedAnew: fc.boolean(),
  plugsSingles: fc.boolean(),
  variants: someFunctions,
  desired: wish,
};

/**
 * Random hosts and guests with other owners and guests on them, where this owner has got as far as any
 * step of an earlier program, and the guest may have been shut off and started anew since.
 */
export const scenario: fc.Arbitrary<Scenario> = scenarioOf({});

/** The same with an older libvirt; persistent attachments are refused there. */
export const olderScenario: fc.Arbitrary<Scenario> = scenarioOf({ olderLibvirt: OLDER_LIBVIRT });

/** The same with the guest shut off in the end; what is wanted is persistent. */
export const shutOffScenario: fc.Arbitrary<Scenario> = scenario.map(({ world, desired, ...rest }) => {
  world.stopGuest();
  return { world, desired: { ...desired, persistent: true }, ...rest };
});

function scenarioOf(start: Pick<WorldStart, "olderLibvirt">): fc.Arbitrary<Scenario> {
  // an older libvirt needs a guest that runs for almost all that it does
  const runState = start.olderLibvirt
    ? mostlyRunning
    : fc.constantFrom("running" as const, "paused" as const);
  return fc.record<ScenarioParts>({ ...scenarioParts, runState }).map((parts): Scenario => {
    const { functions, buses: guestBuses, foreign, earlier } = parts;
    const desiredHere = (one: Wish, owner: string): DesiredAttachment => {
      const desired = desiredOf(one, functions, guestBuses, owner);
      return start.olderLibvirt ? { ...desired, persistent: false } : desired;
    };
    const world = worldOf(parts, start);
    if (foreign) world.applyAll(planUnlessRefused(world, desiredHere(foreign, OTHER_OWNER))?.steps ?? []);
    const driversBefore = new Map([...world.functions].map(([a, one]) => [a, one.driver]));
    // what the foreign owner holds is on vfio-pci now: an adopter gives it back to what it really had
    for (const line of world.ledger)
      for (const one of line.entry.functions) driversBefore.set(one.hostAddress, one.hostDriver);
    for (const [i, { hostAddress }] of functions.entries())
      if (isSet(parts.losing, i)) world.losesDriverAtRelease.add(hostAddress);
    if (earlier) {
      const steps = planUnlessRefused(world, { ...desiredHere(earlier, OWNER), adopt: false })?.steps ?? [];
      world.applyAll(steps.slice(0, Math.round((steps.length * parts.progress) / FINISHED)));
    }
    if (parts.isBootedAnew) {
      world.stopGuest();
      world.coldBoot();
    }
    return { world, driversBefore, desired: desiredHere(parts.desired, OWNER) };
  });
}

function worldOf(parts: ScenarioParts, start: Pick<WorldStart, "olderLibvirt">): World {
  const { functions, buses: guestBuses, runState, qemuVersion, heldElsewhere } = parts;
  const plugsSingles = parts.plugsSingles || start.olderLibvirt !== undefined;
  const withVariant = functions.filter((_, i) => isSet(parts.variants, i));
  const variants = new Map(withVariant.map((one) => [one.hostAddress, "mlx5_vfio_pci"]));
  const world = new World({
    functions,
    buses: guestBuses,
    runState,
    qemuVersion,
    variants,
    plugsSingles,
    ...start,
  });
  const elsewhere = heldElsewhere === undefined ? undefined : functions[heldElsewhere % functions.length];
  if (elsewhere !== undefined && !elsewhere.isBridge)
    world.hold(elsewhere.hostAddress, "hostdev0", OTHER_GUEST);
  return world;
}

const isSet = (bits: number, index: number): boolean => ((bits >> index) & 1) === 1;
