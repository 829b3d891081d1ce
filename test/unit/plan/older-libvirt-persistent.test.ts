import {
  describePlan,
  planAttach,
  planDetach,
  type DesiredAttachment,
  type PriorAttachment,
} from "../../../provider/plan";
import { OLDER_LIBVIRT, OWNER, refusalOf } from "../../support/scenarios";
import { at, outline, wants } from "../../support/desired";
import { hostDevice, hostFunction, World } from "../../support/world";

const fresh = { incarnation: "ab".repeat(16), since: "2026-11-29T12:00:00Z" };
const prior: PriorAttachment = { functions: [], incarnation: fresh.incarnation };
const all = wants([0, 1, 2, 3], { persistent: true });
const two = wants([0, 2], { persistent: true, leftovers: "hold" });
const shutOff = (functions = hostDevice()): World =>
  new World({ functions, runState: "off", olderLibvirt: OLDER_LIBVIRT, plugsSingles: true });
const made = (world: World, desired: DesiredAttachment = all): World =>
  world.applyAll(planAttach(world.observe(), { ...desired, fresh }).steps);
const change = (world: World, desired: DesiredAttachment = all) =>
  planAttach(world.observe(), desired, prior);
const refusedChange = (world: World, desired?: DesiredAttachment) => refusalOf(() => change(world, desired));
const drivers = (world: World): unknown[] => [...world.functions.values()].map((one) => one.driver);

function expectNothingLeft(world: World): void {
  const { plugged, holdings, ledger, configured, configuredLedger } = world;
  expect({ plugged, holdings, ledger, configured, configuredLedger }).toEqual({
    plugged: [],
    holdings: [],
    ledger: [],
    configured: [],
    configuredLedger: [],
  });
  expect(drivers(world)).toEqual(Array(world.functions.size).fill("e1000e"));
}

describe("with libvirt before 8.3, a persistent set in a guest that is shut off", () => {
  it("is written, changed and taken back", () => {
    const world = shutOff();
    const plan = planAttach(world.observe(), { ...all, fresh });
    expect(outline(plan)).toEqual(["record domain", "configure .1@1 .2@2 .3@3 .0@0"]);
    world.applyAll(plan.steps);
    expect(change(world).steps).toEqual([]);
    const changed = change(world, two);
    expect(outline(changed)).toEqual([
      "record domain",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "configure .1 .3 .2@2 .0@0",
    ]);
    world.applyAll(changed.steps);
    expect(drivers(world)).toEqual(Array(4).fill("e1000e"));
    world.applyAll(planDetach(world.observe(), OWNER, prior).steps);
    expectNothingLeft(world);
  });

  it("is the same again when the guest has run and ended", () => {
    for (const desired of [all, two]) {
      const world = made(shutOff(), desired).coldBoot();
      world.stopGuest();
      expect(drivers(world)).toEqual(Array(4).fill("e1000e"));
      expect(change(world, desired).steps).toEqual([]);
      world.applyAll(planDetach(world.observe(), OWNER, prior).steps);
      expectNothingLeft(world);
    }
  });

  it("may have functions that were on vfio-pci before, and leaves them there", () => {
    const functions = [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { driver: "vfio-pci" }));
    const world = made(shutOff(functions), wants([0, 1], { persistent: true }));
    expect(change(world, wants([0, 1], { persistent: true })).steps).toEqual([]);
    world.applyAll(planDetach(world.observe(), OWNER, prior).steps);
    expect([world.configured, world.ledger, drivers(world)]).toEqual([[], [], ["vfio-pci", "vfio-pci"]]);
  });

  it("is refused where functions are held still since they were attached live", () => {
    const world = new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT, plugsSingles: true });
    const live = wants([0, 1, 2, 3], { fresh });
    world.applyAll(planAttach(world.observe(), live).steps);
    world.stopGuest();
    expect(refusedChange(world)).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
    expect(() => change(world)).toThrow(/on vfio-pci still.*Nothing was touched.*pulumi destroy/s);
    world.applyAll(planDetach(world.observe(), OWNER, prior).steps);
    expect(outline(change(world))).toHaveLength(2);
  });
});

describe("with libvirt before 8.3, a persistent set in a guest that runs", () => {
  it("is recognised where it stands whole, without a difference", () => {
    for (const desired of [all, two, wants([2], { persistent: true, leftovers: "hold" })])
      expect(change(made(shutOff(), desired).coldBoot(), desired).steps).toEqual([]);
  });

  it("is refused any change, and told to shut the guest off", () => {
    const world = made(shutOff()).coldBoot();
    const moved = { ...all, guestSlot: { bus: "pci.2" } };
    for (const desired of [two, moved, wants([0, 1, 2, 3])])
      expect(refusedChange(world, desired)).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
    expect(() => change(world, two)).toThrow(/while that runs; this one is 7\.0\.0.*Shut the guest off/s);
    const partial = made(shutOff()).coldBoot();
    partial.configured = partial.configured.slice(1);
    expect(refusedChange(partial)).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
    const fromScratch = new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT });
    expect(refusedChange(fromScratch)).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
    const gone = new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT, runState: "missing" });
    expect(refusedChange(gone)).toBe("GUEST_NOT_FOUND");
  });

  it("is destroyed by its configuration: the guest keeps it until it is shut off", () => {
    for (const desired of [all, two, wants([2], { persistent: true, leftovers: "hold" })]) {
      const world = made(shutOff(), desired).coldBoot();
      const plan = planDetach(world.observe(), OWNER, prior);
      expect(plan.steps.map((step) => step.kind)).toEqual(["erase", "unconfigure"]);
      expect(plan.staysUntilShutOff).toEqual(world.plugged.map((one) => one.hostAddress).sort());
      // killed at any step, the next destroy goes the same way
      for (let done = 0; done <= plan.steps.length; done++) {
        const cut = world.clone().applyAll(plan.steps.slice(0, done));
        const rest = planDetach(cut.observe(), OWNER, prior);
        expect(rest.steps.map((step) => step.kind)).toEqual(["erase", "unconfigure"].slice(done));
        cut.applyAll(rest.steps);
        expect(cut.plugged).toEqual(world.plugged);
        cut.stopGuest();
        expectNothingLeft(cut);
      }
    }
  });

  it("that was started before the write has nothing, and is destroyed the same way", () => {
    const world = shutOff();
    const { steps } = planAttach(world.observe(), { ...all, fresh });
    world.applyAll(steps.slice(0, 1)).coldBoot().applyAll(steps.slice(1));
    expect(refusedChange(world)).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
    const plan = planDetach(world.observe(), OWNER, prior);
    expect(plan.staysUntilShutOff).toBeUndefined();
    world.applyAll(plan.steps);
    expectNothingLeft(world);
  });

  it("is another matter than one function that was attached live", () => {
    const world = new World({
      functions: hostDevice(undefined, [0]),
      olderLibvirt: OLDER_LIBVIRT,
      plugsSingles: true,
    });
    world.applyAll(planAttach(world.observe(), wants([0], { fresh })).steps);
    expect(world.plugged).toMatchObject([{ hostAddress: at("0000:01:00.0") }]);
    const plan = planDetach(world.observe(), OWNER, prior);
    expect(plan.steps.map((step) => step.kind)).toContain("unplug");
    expect(describePlan(plan).join(" ")).toContain("unplug 0000:01:00.0");
    world.applyAll(plan.steps);
    expectNothingLeft(world);
  });
});
