import { aliasOf, planAttach, tagOf, type DesiredAttachment } from "../../../provider/plan";
import { interruptionOf } from "../../../provider/plan/describe";
import { OLD_STATE, OTHER_OWNER, refusalOf } from "../../support/scenarios";
import { at, outline, reach, wants } from "../../support/desired";
import { conventionalBus, expressBus, hostDevice, World } from "../../support/world";

const buses = ["pci.2", "pci.3", "pci.4"];

/**
 * A guest that has the set at the highest port, and whose next configuration then gives these slots to
 * others.
 */
function standing(desired: DesiredAttachment, atBoot: Readonly<Record<string, number>>): World {
  const world = new World({ functions: hostDevice(), buses: buses.map((bus) => expressBus(bus)) });
  reach(world, desired);
  world.reserveAtBoot(atBoot);
  return world;
}

/** Another attachment of this provider has the highest port at the next boot. */
function standingWhereAnotherWillBe(): World {
  const world = standing(wants(), {});
  const address = at("0000:02:00.0");
  const guestAddress = { bus: "pci.4", slot: 0, guestFunction: 0 };
  world.configured.push({ hostAddress: address, alias: aliasOf(tagOf(OTHER_OWNER), address), guestAddress });
  return world;
}

describe("a set that stands whole, whose slot the guest's next configuration gives to another device", () => {
  it.each<[string, Partial<DesiredAttachment>]>([
    ["by itself", {}],
    ["where guestSlot names the bus", { guestSlot: { bus: "pci.4" } }],
    ["where guestSlot names bus and slot", { guestSlot: { bus: "pci.4", slot: 0 } }],
  ])("stays where it is (%s)", (_name, extra) => {
    const desired = wants(undefined, extra);
    const plan = planAttach(standing(desired, { "pci.4": 0 }).observe(), desired, OLD_STATE);
    expect(outline(plan)).toEqual([]);
    expect(plan.target?.slot).toEqual({ bus: "pci.4", slot: 0, kind: "pcie-acpi" });
  });

  it("stays on a conventional bus too, whichever slot is named", () => {
    for (const guestSlot of [undefined, { bus: "pci.0" }, { bus: "pci.0", slot: 31 }]) {
      const desired = wants(undefined, guestSlot && { guestSlot });
      const world = new World({ functions: hostDevice(), buses: [conventionalBus("pci.0")] });
      reach(world, desired);
      world.reserveAtBoot({ "pci.0": 31 });
      expect(outline(planAttach(world.observe(), desired, OLD_STATE))).toEqual([]);
    }
  });

  it("stays where also the running guest's description has something in that slot", () => {
    const desired = wants();
    const { buses: now, ...rest } = standing(desired, {}).observe();
    const observation = { ...rest, buses: now.map((bus) => ({ ...bus, reservedSlots: [0] })) };
    expect(outline(planAttach(observation, desired, OLD_STATE))).toEqual([]);
  });

  it("stays if its port takes no hotplug any more, as the ledger knows", () => {
    const desired = wants();
    const hotplug = { possible: false, reason: "its port has hotplug='off'" } as const;
    const { buses: now, ...rest } = standing(desired, {}).observe();
    const observation = { ...rest, buses: now.map((bus) => ({ ...bus, hotplug })) };
    const plan = planAttach(observation, desired, OLD_STATE);
    expect(outline(plan)).toEqual([]);
    expect(plan.target?.slot.kind).toBe("pcie-acpi");
  });

  it("stays when another attachment's configuration has its slot", () => {
    expect(outline(planAttach(standingWhereAnotherWillBe().observe(), wants(), OLD_STATE))).toEqual([]);
  });

  it("goes to a slot that is free next boot too, if plugged anew", () => {
    const changed = wants([0, 2], { leftovers: "hold" });
    const plan = planAttach(standing(wants(), { "pci.4": 0 }).observe(), changed, OLD_STATE);
    expect(plan.target?.slot.bus).toBe("pci.3");
    const named = { ...changed, guestSlot: { bus: "pci.4" } };
    expect(refusalOf(() => planAttach(standing(wants(), { "pci.4": 0 }).observe(), named, OLD_STATE))).toBe(
      "SLOT_REFUSED",
    );
  });
});

describe("a slot that the guest's next configuration has given away", () => {
  it("is not plugged into, and is named if nothing else is free", () => {
    const world = new World({ functions: hostDevice(), buses: [expressBus("pci.4")] });
    world.reserveAtBoot({ "pci.4": 0 });
    expect(() => planAttach(world.observe(), wants(), OLD_STATE)).toThrow(
      /pci\.4: given to a device .* next boot/,
    );
  });
});

describe("a standing set that is to be persistent", () => {
  const persistent = wants(undefined, { persistent: true });

  it("is refused, and not moved, if the configuration gave its slot away", () => {
    const world = standing(wants(), { "pci.4": 0 });
    expect(refusalOf(() => planAttach(world.observe(), persistent, OLD_STATE))).toBe(
      "SLOT_CONFIGURED_OTHERWISE",
    );
    expect(() => planAttach(world.observe(), persistent, OLD_STATE)).toThrow(/pci\.4.*guestSlot/s);
  });

  it("is refused, and not moved, where the configuration has no such bus", () => {
    const { configuration, ...rest } = standing(wants(), {}).observe();
    const observation = { ...rest, configuration: { ...configuration!, buses: ["pci.3"] } };
    expect(refusalOf(() => planAttach(observation, persistent, OLD_STATE))).toBe("SLOT_CONFIGURED_OTHERWISE");
  });

  it("moves where guestSlot names another slot", () => {
    const world = standing(wants(), { "pci.4": 0 });
    const plan = reach(world, { ...persistent, guestSlot: { bus: "pci.3" } });
    expect(interruptionOf(plan)).toBe("device-goes-and-comes-back");
    expect(world.configured.map((one) => one.guestAddress?.bus)).toEqual(Array(4).fill("pci.3"));
  });

  it("and is configured whole already is left alone, whoever gets the slot", () => {
    const world = standing(persistent, { "pci.4": 0 });
    expect(outline(planAttach(world.observe(), persistent, OLD_STATE))).toEqual([]);
  });

  it("is refused where another attachment will be in its slot", () => {
    const observation = standingWhereAnotherWillBe().observe();
    expect(refusalOf(() => planAttach(observation, persistent, OLD_STATE))).toBe("SLOT_CONFIGURED_OTHERWISE");
  });
});
