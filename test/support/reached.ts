import { configurationOf, findTagOfAlias, findTagOfQemuId, type Plan } from "../../provider/plan";
import { OWNER, planUnlessRefused, type Scenario } from "./scenarios";
import type { Violations } from "./violations";
import type { World } from "./world";

/** The world after each number of steps of a plan, from none to all; each one is the caller's to change. */
export function* worldsAlong(world: World, { steps }: Plan): Generator<World> {
  const now = world.clone();
  yield now.clone();
  for (const step of steps) {
    now.apply(step);
    yield now.clone();
  }
}

/** Every function that nobody holds is on the driver it had before this owner came. */
export function checkDriversBack(violations: Violations, { driversBefore }: Scenario, world: World): void {
  const held = new Set(world.holdings.map((one) => one.hostAddress));
  for (const [address, { driver }] of world.functions)
    if (!held.has(address)) violations.equal(`driver of ${address}`, driver, driversBefore.get(address));
}

function ofTag(configured: World["configured"], tag: string): World["configured"] {
  return configured
    .filter((one) => findTagOfAlias(one.alias) === tag)
    .map(({ romBar, ...one }) => ({ ...one, ...(romBar === false && { romBar }) }))
    .sort((a, b) => a.hostAddress.localeCompare(b.hostAddress));
}

/** What was wanted is there: these functions under these numbers, each group safe, the ledger true. */
export function checkReached(
  violations: Violations,
  { desired }: Scenario,
  world: World,
  { target }: Plan,
): void {
  if (target === undefined) throw new Error("a plan to attach has a target");
  const seen = world
    .guestSees()
    .filter((one) => one.bus === target.slot.bus && one.slot === target.slot.slot);
  const map = target.attached.map(({ hostAddress, guestFunction }) => ({ hostAddress, guestFunction }));
  violations.equal(
    "seen by the guest",
    seen.map((one) => one.map),
    [map],
  );
  const plugged = new Map(world.plugged.map((one) => [one.qemuId, one]));
  for (const { qemuId, romFile, romBar = true } of target.attached) {
    const there = plugged.get(qemuId);
    violations.holds(`${qemuId} is plugged`, there !== undefined);
    violations.equal(`ROM file of ${qemuId}`, there?.romFile, romFile);
    violations.equal(`ROM bar of ${qemuId}`, there?.romBar ?? true, romBar);
  }
  const own = world.ledger.filter((line) => line.entry.owner === OWNER);
  violations.equal(
    "ledger",
    own.map((line) => line.entry),
    [target.entry],
  );
  const ours = world.holdings.filter((one) => findTagOfAlias(one.alias) === target.entry.tag);
  violations.equal(
    "held",
    ours.map((one) => one.hostAddress).sort(),
    target.entry.functions.map((one) => one.hostAddress).sort(),
  );
  violations.equal(
    "configuration",
    ofTag(world.configured, target.entry.tag),
    desired.persistent ? ofTag(configurationOf(target.entry), target.entry.tag) : [],
  );
  violations.equal(
    "ledger of the configuration",
    world.configuredLedger.filter((entry) => entry.tag === target.entry.tag),
    desired.persistent ? [target.entry] : [],
  );
  if (desired.leftovers === "hold") return;
  for (const { hostAddress } of ours) {
    if (map.some((one) => one.hostAddress === hostAddress)) continue;
    const { hostDriver } = target.entry.functions.find((one) => one.hostAddress === hostAddress) ?? {};
    const isNobodys = [undefined, "vfio-pci", "mlx5_vfio_pci"].includes(hostDriver);
    violations.holds(`${hostAddress} was nobody's, since leftovers are refused`, isNobodys);
  }
}

/** Nothing of the owner is plugged, held or recorded, and every driver is back. */
export function checkNothingLeft(violations: Violations, one: Scenario, world: World): void {
  violations.equal(
    "ledger",
    world.ledger.filter((line) => line.entry.owner === OWNER),
    [],
  );
  violations.equal(
    "ledger of the configuration",
    world.configuredLedger.filter((entry) => entry.owner === OWNER),
    [],
  );
  const tagsOfOthers = new Set([
    ...world.ledger.map((line) => line.entry.tag),
    ...world.configuredLedger.map((entry) => entry.tag),
  ]);
  const strays = [
    ...world.configured.map((other) => findTagOfAlias(other.alias)),
    ...world.plugged.map((other) => findTagOfQemuId(other.qemuId)),
    ...world.holdings.map((other) => findTagOfAlias(other.alias)),
  ].filter((tag) => tag !== undefined && !tagsOfOthers.has(tag));
  violations.equal("tags that no ledger knows", strays, []);
  checkDriversBack(violations, one, world);
}

/** The same program, run again in this world, is not refused, reaches its aim, all drivers back. */
export function checkMadeAgain(violations: Violations, scenario: Scenario, world: World): void {
  const again = planUnlessRefused(world, scenario.desired);
  if (again === undefined) throw new Error("what was cut off is refused to the same program");
  checkReached(violations, scenario, world.applyAll(again.steps), again);
  checkDriversBack(violations, scenario, world);
}
