import { configurationOf, findTagOfAlias, findTagOfQemuId, type Plan } from "../../provider/plan";
import { OWNER, type Scenario } from "./scenarios";
import type { World } from "./world";

/** Every function that nobody holds is on the driver it had before this owner came. */
export function expectDriversBack({ driversBefore }: Scenario, world: World): void {
  const held = new Set(world.holdings.map((one) => one.hostAddress));
  const free = [...world.functions].filter(([address]) => !held.has(address));
  expect(free.map(([address, { driver }]) => `${address} ${driver}`)).toEqual(
    free.map(([address]) => `${address} ${driversBefore.get(address)}`),
  );
}

function ofTag(configured: World["configured"], tag: string): World["configured"] {
  return configured
    .filter((one) => findTagOfAlias(one.alias) === tag)
    .map(({ romBar, ...one }) => ({ ...one, ...(romBar === false && { romBar }) }))
    .sort((a, b) => a.hostAddress.localeCompare(b.hostAddress));
}

/** What was wanted is there: these functions under these numbers, each group safe, the ledger true. */
export function expectReached({ desired }: Scenario, world: World, plan: Plan): void {
  const { target } = plan;
  if (target === undefined) throw new Error("a plan to attach has a target");
  const seen = world
    .guestSees()
    .filter((one) => one.bus === target.slot.bus && one.slot === target.slot.slot);
  const map = target.attached.map(({ hostAddress, guestFunction }) => ({ hostAddress, guestFunction }));
  expect(seen.map((one) => one.map)).toEqual([map]);
  const roms = target.attached.map(({ qemuId, romFile, romBar = true }) => ({ qemuId, romFile, romBar }));
  const plugged = new Map(world.plugged.map((one) => [one.qemuId, one]));
  expect(
    roms.map(({ qemuId }) => {
      const there = plugged.get(qemuId);
      return { qemuId, romFile: there?.romFile, romBar: there?.romBar ?? true };
    }),
  ).toEqual(roms);
  const own = world.ledger.filter((line) => line.entry.owner === OWNER);
  expect(own.map((line) => line.entry)).toEqual([target.entry]);
  const ours = world.holdings.filter((one) => findTagOfAlias(one.alias) === target.entry.tag);
  expect(ours.map((one) => one.hostAddress).sort()).toEqual(
    target.entry.functions.map((one) => one.hostAddress).sort(),
  );
  expect(ofTag(world.configured, target.entry.tag)).toEqual(
    desired.persistent ? ofTag(configurationOf(target.entry), target.entry.tag) : [],
  );
  expect(world.configuredLedger.filter((entry) => entry.tag === target.entry.tag)).toEqual(
    desired.persistent ? [target.entry] : [],
  );
  if (desired.leftovers === "refuse")
    expect(
      ours
        .filter((o) => !map.some((m) => m.hostAddress === o.hostAddress))
        .every((one) =>
          [undefined, "vfio-pci", "mlx5_vfio_pci"].includes(
            target.entry.functions.find((f) => f.hostAddress === one.hostAddress)?.hostDriver,
          ),
        ),
    ).toBe(true);
}

/** Nothing of the owner is plugged, held or recorded, and every driver is back. */
export function expectNothingLeft(one: Scenario, world: World): void {
  expect(world.ledger.filter((line) => line.entry.owner === OWNER)).toEqual([]);
  const tagsOfOthers = new Set(world.ledger.map((line) => line.entry.tag));
  expect(world.configuredLedger.filter((entry) => entry.owner === OWNER)).toEqual([]);
  for (const entry of world.configuredLedger) tagsOfOthers.add(entry.tag);
  const strays = [
    ...world.configured.map((other) => findTagOfAlias(other.alias)),
    ...world.plugged.map((other) => findTagOfQemuId(other.qemuId)),
    ...world.holdings.map((other) => findTagOfAlias(other.alias)),
  ].filter((tag) => tag !== undefined && !tagsOfOthers.has(tag));
  expect(strays).toEqual([]);
  expectDriversBack(one, world);
}
