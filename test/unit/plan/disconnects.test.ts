import { describeWarnings, planAttach, planDetach } from "../../../provider/plan";
import type { WayThroughGuest } from "../../../provider/host/uses";
import { OLD_STATE, OWNER, refusalOf } from "../../support/scenarios";
import { outline, reach, wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";

const through = (certainty: WayThroughGuest["certainty"]): WayThroughGuest => ({
  certainty,
  interfaces: certainty === "unknown" ? [] : ["vnet3"],
});

/** A guest that has two functions, and through which this connection goes. */
function router(certainty: WayThroughGuest["certainty"] = "sure"): World {
  const world = new World({ functions: hostDevice() });
  reach(world, wants([0, 1], { leftovers: "hold" }));
  world.wayThroughGuest = through(certainty);
  return world;
}
const all = wants([0, 1, 2, 3]);

describe("a guest through which this connection goes", () => {
  it("loses nothing by an update or a destroy, unless that is allowed", () => {
    const seen = router().observe();
    expect(refusalOf(() => planAttach(seen, all, OLD_STATE))).toBe("CONNECTION_THROUGH_GUEST");
    expect(refusalOf(() => planDetach(seen, OWNER, OLD_STATE, {}))).toBe("CONNECTION_THROUGH_GUEST");
    const allowed = { allowDisconnect: true };
    expect(outline(planAttach(seen, { ...all, ...allowed }, OLD_STATE)).join()).toMatch(/unplug/);
    expect(outline(planDetach(seen, OWNER, OLD_STATE, allowed)).join()).toMatch(/unplug/);
  });

  it("is given what it has not, which it may", () => {
    const world = new World({ functions: hostDevice() });
    world.wayThroughGuest = through("sure");
    expect(refusalOf(() => planAttach(world.observe(), all))).toBeUndefined();
  });

  it("is no matter of a change of the argument alone, which plans nothing", () => {
    const world = router();
    for (const allowDisconnect of [true, false]) {
      const desired = wants([0, 1], { leftovers: "hold", allowDisconnect });
      expect(planAttach(world.observe(), desired, OLD_STATE).steps).toEqual([]);
    }
  });

  it("is no matter of the way back of an operation", () => {
    const seen = router().observe();
    expect(refusalOf(() => planDetach(seen, OWNER, OLD_STATE))).toBeUndefined();
    expect(refusalOf(() => planAttach(seen, { ...all, goesBack: true }, OLD_STATE))).toBeUndefined();
  });

  it("loses what it has not seen, so that a crash's half is taken back", () => {
    const world = router();
    world.plugged = world.plugged.filter((one) => one.guestFunction !== 0);
    const plan = planDetach(world.observe(), OWNER, OLD_STATE, {});
    expect(outline(plan).join()).toMatch(/unplug/);
    expect(plan.warnings).toBeUndefined();
  });
});

describe("a warning of what may end this connection", () => {
  const warningsOf = (certainty: WayThroughGuest["certainty"], allowDisconnect = false): string[] =>
    describeWarnings(planDetach(router(certainty).observe(), OWNER, OLD_STATE, { allowDisconnect }));

  it.each([
    ["sure", true, /^warning: this SSH connection goes through guest guest1 \(vnet3\)/],
    ["possible", false, /^warning: this SSH connection may go through guest guest1 \(vnet3\)/],
    ["unknown", false, /^warning: whether this SSH connection goes through guest guest1.*not known$/],
  ] as const)("is given where that is %s", (certainty, allowed, words) => {
    const [line = "", ...others] = warningsOf(certainty, allowed);
    expect(line).toMatch(words);
    expect(others).toEqual([]);
    const update = planAttach(router(certainty).observe(), { ...all, allowDisconnect: true }, OLD_STATE);
    expect(describeWarnings(update)).toEqual([line]);
  });

  it("is not given where the connection goes elsewhere", () => {
    const world = router();
    world.wayThroughGuest = undefined;
    expect(planDetach(world.observe(), OWNER, OLD_STATE, {}).warnings).toBeUndefined();
  });
});
