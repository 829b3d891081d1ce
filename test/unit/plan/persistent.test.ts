import type { PciSlotAddress } from "../../../provider/pci";
import {
  aliasOf,
  describePlan,
  findOwned,
  isNothing,
  planAttach,
  planDetach,
  tagOf,
} from "../../../provider/plan";
import { interruptionOf } from "../../../provider/plan/describe";
import { OLD_STATE, OTHER_OWNER, OWNER, refusalOf } from "../../support/scenarios";
import { at, leave, outline, reach, stepOf, wants } from "../../support/desired";
import { expressBus, hostDevice, hostFunction, World } from "../../support/world";

const secondCard = "0000:02:00" as PciSlotAddress;
const card = (extra: Partial<ConstructorParameters<typeof World>[0]> = {}): World =>
  new World({ functions: hostDevice(), ...extra });
const persistent = wants(undefined, { persistent: true });
const two = wants([0, 2], { leftovers: "hold", persistent: true });
const releases = [0, 1, 2, 3].map((n) => `release 0000:01:00.${n}`);
const allDrivers = "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3";

/** The guest after an attach, a shutdown and a start. */
function bootedWith(desired = persistent, world = card()): World {
  reach(world, desired);
  world.stopGuest();
  return world.coldBoot();
}

describe("a persistent attachment", () => {
  it("is recorded in both places first, and configured whole once the guest has it", () => {
    const plan = planAttach(card().observe(), two, OLD_STATE);
    expect(outline(plan)).toEqual([
      "record live configuration",
      "hold 0000:01:00.0",
      "hold 0000:01:00.1",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.0 as 0",
      "confirm",
      "configure .1 .3 .2@2 .0@0",
    ]);
    expect(stepOf(plan, "configure").functions.map((one) => one.alias)).toEqual(
      [1, 3, 2, 0].map((n) => aliasOf(tagOf(OWNER), at(`0000:01:00.${n}`))),
    );
    expect(stepOf(plan, "configure").functions.at(-1)?.guestAddress).toEqual({
      bus: "pci.4",
      slot: 0,
      guestFunction: 0,
    });
  });

  it("is told in words, and does not interrupt a guest that has the device", () => {
    const world = card();
    reach(world, wants([0, 2], { leftovers: "hold" }));
    const plan = planAttach(world.observe(), two, OLD_STATE);
    expect(describePlan(plan)).toEqual([
      `1. write the ledger in the metadata of the guest's configuration for ${OWNER}`,
      "2. add 0000:01:00.1,3 (shown to nobody) and 0000:01:00.0,2 (at pci.4 slot 0) to the guest's configuration",
      "The guest is not interrupted.",
    ]);
    expect(interruptionOf(plan)).toBe("none");
  });

  it("that is to be none any more leaves the running guest alone", () => {
    const world = bootedWith();
    const plan = reach(world, wants());
    expect(outline(plan)).toEqual(["unconfigure .0@0 .3@3 .2@2 .1@1", "erase configuration"]);
    expect(describePlan(plan).slice(0, 2)).toEqual([
      "1. take 0000:01:00.0-3 (at pci.4 slot 0) out of the guest's configuration",
      "2. erase the ledger entry from the metadata of the guest's configuration",
    ]);
    expect(outline(planAttach(world.observe(), wants(), OLD_STATE))).toEqual([]);
  });

  it("keeps leftovers held too, so that a cold boot brings the same about", () => {
    const functions = [hostFunction("0000:01:00.0"), hostFunction("0000:01:00.1", { driver: undefined })];
    const world = card({ functions });
    reach(world, persistent);
    reach(world, wants([0], { persistent: true }));
    expect(world.configured.map((one) => [one.hostAddress, one.guestAddress?.guestFunction])).toEqual([
      ["0000:01:00.1", undefined],
      ["0000:01:00.0", 0],
    ]);
    world.stopGuest();
    expect(planAttach(world.coldBoot().observe(), wants([0], { persistent: true }), OLD_STATE).steps).toEqual(
      [],
    );
  });

  it("is not put behind a port that the guest's next boot does not have", () => {
    const world = card({ buses: [expressBus("pci.3"), expressBus("pci.9")] });
    const { configuration, ...rest } = world.observe();
    const observation = {
      ...rest,
      configuration: { functions: [], ledger: [], ...configuration, buses: ["pci.3"] },
    };
    expect(planAttach(observation, persistent, OLD_STATE).target?.slot.bus).toBe("pci.3");
    expect(planAttach(observation, wants(), OLD_STATE).target?.slot.bus).toBe("pci.9");
    const named = wants(undefined, { persistent: true, guestSlot: { bus: "pci.9" } });
    expect(refusalOf(() => planAttach(observation, named, OLD_STATE))).toBe("SLOT_REFUSED");
  });

  it("keeps its slot from others also while nothing is plugged there", () => {
    const world = card({ functions: [...hostDevice(), ...hostDevice(secondCard, [0], { iommuGroup: 8 })] });
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }));
    world.plugged = [];
    const plan = planAttach(
      world.observe(),
      wants(undefined, { selection: { by: "device", device: secondCard } }),
      OLD_STATE,
    );
    expect(plan.target?.slot.bus).toBe("pci.3");
    const back = planAttach(
      world.observe(),
      wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }),
      OLD_STATE,
    );
    expect(back.target?.slot.bus).toBe("pci.4");
  });
});

describe("what libvirt plugged at a cold boot", () => {
  it("is the attachment's, under libvirt's alias, which the target keeps", () => {
    const world = bootedWith(two);
    const plan = planAttach(world.observe(), two, OLD_STATE);
    expect(plan.steps).toEqual([]);
    expect(plan.target?.attached.map((one) => one.qemuId)).toEqual(
      [0, 2].map((n) => aliasOf(tagOf(OWNER), at(`0000:01:00.${n}`))),
    );
    const owned = findOwned(world.observe(), OWNER);
    expect(owned?.held).toHaveLength(4);
    expect(owned?.pluggedByLibvirt).toEqual(["0000:01:00.0", "0000:01:00.2"]);
  });

  it("changes its set: unplugged, handed back by libvirt, held again, plugged, and configured anew", () => {
    const plan = reach(bootedWith(), two);
    expect(outline(plan)).toEqual([
      "record live configuration",
      "unplug 1 of 4",
      "await-reattach .0 .1 .2 .3",
      "hold 0000:01:00.0",
      "hold 0000:01:00.1",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.0 as 0",
      "confirm",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "configure .1 .3 .2@2 .0@0",
    ]);
    expect(stepOf(plan, "unplug").requests).toEqual([aliasOf(tagOf(OWNER), at("0000:01:00.0"))]);
    expect(describePlan(plan)[2]).toBe("3. wait until libvirt has handed 0000:01:00.0-3 back by itself");
  });

  it("is held again without need, because libvirt took the group's node along", () => {
    const functions = [hostFunction("0000:01:00.0", { driver: undefined }), hostFunction("0000:01:00.1")];
    const world = bootedWith(wants([0], { leftovers: "hold", persistent: true }), card({ functions }));
    const map = [{ hostAddress: at("0000:01:00.1"), guestFunction: 0 }];
    const plan = planAttach(world.observe(), wants(undefined, { selection: { by: "map", map } }), OLD_STATE);
    expect(outline(plan).slice(1, 5)).toEqual([
      "unplug 1 of 1",
      "await-reattach .0",
      "hold 0000:01:00.0",
      "plug 0000:01:00.1 as 0",
    ]);
  });

  it("makes way for another device without a release: the drivers are waited for", () => {
    const world = bootedWith(
      persistent,
      card({ functions: [...hostDevice(), ...hostDevice(secondCard, [0], { iommuGroup: 8 })] }),
    );
    const plan = reach(
      world,
      wants(undefined, { persistent: true, selection: { by: "device", device: secondCard } }),
    );
    expect(outline(plan)).toEqual([
      "record live configuration",
      "hold 0000:02:00.0",
      "unplug 1 of 4",
      "await-reattach .0 .1 .2 .3",
      "plug 0000:02:00.0 as 0",
      "confirm",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "configure .0@0",
      allDrivers,
      "record live configuration",
    ]);
    expect(stepOf(plan, "restore").givenBackBy).toBe("libvirt");
  });

  it("is detached without a release: only what is held unassigned is released", () => {
    const world = bootedWith(two);
    const plan = leave(world);
    expect(outline(plan)).toEqual([
      "unconfigure .0@0 .2@2 .3 .1",
      "unplug 1 of 2",
      "await-reattach .0 .2",
      "release 0000:01:00.1",
      "release 0000:01:00.3",
      allDrivers,
      "erase live configuration",
    ]);
    expect(stepOf(plan, "restore").givenBackBy).toBe("libvirt");
    expect(describePlan(plan)[6]).toBe(
      "7. erase the ledger entry from the guest's metadata and from its configuration",
    );
    expect(isNothing(findOwned(world.observe(), OWNER))).toBe(true);
  });

  it("and a crash left in libvirt's hands is waited for, whatever comes next", () => {
    const world = bootedWith();
    world.requestUnplug(aliasOf(tagOf(OWNER), at("0000:01:00.0")));
    world.handOneBack();
    expect(outline(planDetach(world.observe(), OWNER)).slice(0, 3)).toEqual([
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "await-reattach .0 .2 .3",
      allDrivers,
    ]);
    expect(outline(planAttach(world.observe(), persistent, OLD_STATE)).slice(0, 4)).toEqual([
      "hold 0000:01:00.1",
      "await-reattach .0 .2 .3",
      "hold 0000:01:00.0",
      "hold 0000:01:00.2",
    ]);
  });
});

describe("a part that someone has removed by hand", () => {
  it("from the configuration is configured again, and the guest goes through nothing", () => {
    const world = bootedWith();
    world.configured = world.configured.slice(1);
    expect(outline(planAttach(world.observe(), persistent, OLD_STATE))).toEqual([
      "unconfigure .0@0 .3@3 .2@2",
      "configure .1@1 .2@2 .3@3 .0@0",
    ]);
    world.configured = [];
    expect(outline(reach(world, persistent))).toEqual(["configure .1@1 .2@2 .3@3 .0@0"]);
  });

  it("from the ledger of the configuration is recorded again", () => {
    const world = bootedWith();
    world.configuredLedger = [];
    expect(outline(planAttach(world.observe(), persistent, OLD_STATE))).toEqual(["record configuration"]);
  });

  it("from the running guest is attached again", () => {
    const world = bootedWith();
    world.requestUnplug(aliasOf(tagOf(OWNER), at("0000:01:00.0")));
    while (world.handOneBack());
    const kinds = reach(world, persistent).steps.map((step) => step.kind);
    expect(new Set(kinds)).toEqual(new Set(["hold", "plug", "confirm"]));
  });

  it("is no obstacle to a detach of the rest", () => {
    const configuredOnly = bootedWith();
    configuredOnly.requestUnplug(aliasOf(tagOf(OWNER), at("0000:01:00.0")));
    while (configuredOnly.handOneBack());
    expect(outline(leave(configuredOnly))).toEqual([
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      allDrivers,
      "erase live configuration",
    ]);
    const liveOnly = card();
    reach(liveOnly, persistent);
    liveOnly.configured = [];
    liveOnly.configuredLedger = [];
    expect(outline(leave(liveOnly))).toEqual(["unplug 1 of 4", ...releases, allDrivers, "erase"]);
  });
});

describe("a guest that is shut off", () => {
  const off = (desired = persistent): World => {
    const world = bootedWith(desired);
    world.stopGuest();
    return world;
  };

  it("has nothing to be changed where its configuration is right", () => {
    const world = off();
    const plan = planAttach(world.observe(), persistent, OLD_STATE);
    expect(plan.steps).toEqual([]);
    expect(plan.target?.attached.map((one) => one.qemuId)).toEqual(
      [0, 1, 2, 3].map((n) => aliasOf(tagOf(OWNER), at(`0000:01:00.${n}`))),
    );
  });

  it("has its configuration put right, and nothing else is touched", () => {
    const plan = reach(off(), two);
    expect(outline(plan)).toEqual([
      "record configuration",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "configure .1 .3 .2@2 .0@0",
    ]);
  });

  it("is refused what is not persistent, and told both ways out", () => {
    for (const world of [off(), card({ runState: "off" })]) {
      const plan = () => planAttach(world.observe(), wants(), OLD_STATE);
      expect(refusalOf(plan)).toBe("GUEST_NOT_RUNNING");
      expect(plan).toThrow(/Nothing was touched.*Start it.*persistent to true/s);
    }
  });

  it("is moved to a slot that is named, in its configuration", () => {
    const named = wants(undefined, { persistent: true, guestSlot: { bus: "pci.2" } });
    expect(outline(planAttach(off().observe(), named, OLD_STATE))).toEqual([
      "record configuration",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "configure .1@1 .2@2 .3@3 .0@0",
    ]);
    const same = wants(undefined, { persistent: true, guestSlot: { bus: "pci.4", slot: 0 } });
    expect(planAttach(off().observe(), same, OLD_STATE).steps).toEqual([]);
  });

  it("uses the slot that the state remembers if the ledger is gone", () => {
    const world = off();
    world.configuredLedger = [];
    const slot = { bus: "pci.4", slot: 0, kind: "pcie-acpi" } as const;
    const functions = [0, 1, 2, 3].map((n) => ({
      hostAddress: at(`0000:01:00.${n}`),
      guestFunction: n,
      hostDriver: "e1000e",
    }));
    const plan = planAttach(world.observe(), persistent, { slot, functions });
    expect(outline(plan)).toEqual(["record configuration"]);
    expect(plan.target?.slot).toEqual(slot);
    expect(planAttach(world.observe(), persistent, OLD_STATE).target?.slot).toEqual(slot);
  });

  it("does not mind another guest's having the functions, unless something is configured", () => {
    const world = off();
    world.hold(at("0000:01:00.1"), "hostdev0", { name: "guest2", uuid: "2" });
    expect(planAttach(world.observe(), persistent, OLD_STATE).steps).toEqual([]);
    world.configured = world.configured.filter((one) => one.hostAddress !== "0000:01:00.1");
    expect(refusalOf(() => planAttach(world.observe(), persistent, OLD_STATE))).toBe(
      "FUNCTION_HELD_BY_GUEST",
    );
  });

  it("is rid of a persistent attachment by a detach", () => {
    const world = off(two);
    const plan = leave(world);
    expect(outline(plan)).toEqual(["unconfigure .0@0 .2@2 .3 .1", allDrivers, "erase configuration"]);
    expect(stepOf(plan, "restore").givenBackBy).toBe("guest-end");
    expect({ configured: world.configured, ledger: world.configuredLedger }).toEqual({
      configured: [],
      ledger: [],
    });
  });
});

describe("an adoption of a persistent attachment", () => {
  it("takes the configuration over, under the tag of the first owner", () => {
    const world = bootedWith(wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }));
    const plan = reach(world, wants(undefined, { adopt: true, persistent: true }));
    expect(outline(plan)).toEqual(["record live configuration"]);
    expect(planDetach(world.observe(), OTHER_OWNER).steps).toEqual([]);
    world.stopGuest();
    expect(planDetach(world.observe(), OTHER_OWNER).steps).toEqual([]);
    expect(outline(planAttach(world.coldBoot().observe(), persistent, OLD_STATE))).toEqual([]);
  });

  it("by one who wants none takes it out of the configuration", () => {
    const world = bootedWith(wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }));
    expect(outline(reach(world, wants(undefined, { adopt: true })))).toEqual([
      "record",
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "erase configuration",
    ]);
    expect(world.configuredLedger).toEqual([]);
  });

  it("is needed also where only the configuration tells of the other owner", () => {
    const world = bootedWith(wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }));
    world.ledger = [];
    expect(refusalOf(() => planAttach(world.observe(), persistent, OLD_STATE))).toBe(
      "ATTACHMENT_OWNED_BY_ANOTHER",
    );
  });
});
