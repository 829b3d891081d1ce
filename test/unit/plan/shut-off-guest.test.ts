import type { PciSlotAddress } from "../../../provider/pci";
import {
  aliasOf,
  describePlan,
  findOwned,
  isNothing,
  planAttach,
  tagOf,
  type DesiredAttachment,
  type PriorAttachment,
} from "../../../provider/plan";
import { OTHER_OWNER, OWNER, refusalOf, refusalsOf } from "../../support/scenarios";
import {
  addressOn,
  at,
  hostUse,
  leave,
  mountOf,
  outline,
  stepOf,
  virtualFunctions,
  wants,
} from "../../support/desired";
import {
  conventionalBus,
  expressBus,
  hostDevice,
  hostFunction,
  OTHER_GUEST,
  World,
} from "../../support/world";

const secondCard = "0000:02:00" as PciSlotAddress;
const fresh = { incarnation: "ab".repeat(16), since: "2026-11-29T12:00:00Z" };
const all = wants([0, 1, 2, 3], { persistent: true, fresh });
const two = wants([0, 2], { persistent: true, leftovers: "hold", fresh });
const shutOff = (extra: Partial<ConstructorParameters<typeof World>[0]> = {}): World =>
  new World({ functions: hostDevice(), runState: "off", ...extra });
/** What a later run wants: it would make another incarnation. */
const later = (desired: DesiredAttachment): DesiredAttachment => ({
  ...desired,
  fresh: { incarnation: "cd".repeat(16), since: "2026-11-30T12:00:00Z" },
});
const change = (world: World, desired = all, prior = whole) =>
  planAttach(world.observe(), later(desired), prior);
/** A create: there is no state. */
const create = (world: World, desired = all) => planAttach(world.observe(), desired);
const made = (world: World, desired = all): World => world.applyAll(create(world, desired).steps);
const priorOf = (numbers: readonly number[]): PriorAttachment => ({
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  incarnation: fresh.incarnation,
  functions: numbers.map((n) => ({
    hostAddress: at(`0000:01:00.${n}`),
    guestFunction: n,
    hostDriver: "e1000e",
  })),
});
const whole = priorOf([0, 1, 2, 3]);

describe("a create for a guest that is shut off", () => {
  it("writes ledger and configuration, and touches nothing on the host", () => {
    const world = shutOff();
    const plan = create(world);
    expect(outline(plan)).toEqual(["record configuration", "configure .1@1 .2@2 .3@3 .0@0"]);
    expect(stepOf(plan, "record").entry).toMatchObject({
      owner: OWNER,
      ...fresh,
      slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
      functions: [0, 1, 2, 3].map((n) => ({ guestFunction: n, hostDriver: "e1000e" })),
    });
    expect(plan.target?.attached.map((one) => one.qemuId)).toEqual(
      [0, 1, 2, 3].map((n) => aliasOf(tagOf(OWNER), at(`0000:01:00.${n}`))),
    );
    world.applyAll(plan.steps);
    expect(world.holdings).toEqual([]);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
  });

  it("says that the guest has the functions from its next start on", () => {
    expect(describePlan(create(shutOff()))).toEqual([
      `1. write the ledger in the metadata of the guest's configuration for ${OWNER}`,
      "2. add 0000:01:00.0-3 (at pci.4 slot 0) to the guest's configuration",
      "guest1 is shut off: written to its configuration; it has the functions from its next start on.",
    ]);
  });

  it("says of a saved state that the next start goes on from there", () => {
    const world = shutOff();
    world.hasSavedState = true;
    expect(describePlan(create(world)).slice(2).join(" ")).toMatch(
      /state saved: its next start goes on from there.*from the start after that on \(virsh managedsave-remove\)/,
    );
  });

  it("is there after the first start, changed and destroyed as if plugged live", () => {
    for (const desired of [all, two]) {
      const world = made(shutOff(), desired).coldBoot();
      expect(change(world, desired).steps).toEqual([]);
      expect(world.guestSees()[0]?.map).toHaveLength(desired === all ? 4 : 2);
      const other = desired === all ? two : all;
      world.applyAll(change(world, other).steps);
      expect(world.guestSees()[0]?.map).toHaveLength(desired === all ? 2 : 4);
      leave(world, OWNER, whole);
      expect(isNothing(findOwned(world.observe(), OWNER))).toBe(true);
      expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
    }
  });

  it("is changed and taken back while the guest is off, started before or not", () => {
    for (const hasRun of [false, true]) {
      const world = made(shutOff());
      if (hasRun) world.coldBoot().stopGuest();
      const changed = change(world, two);
      expect(outline(changed)).toEqual([
        "record configuration",
        "unconfigure .0@0 .3@3 .2@2 .1@1",
        "configure .1 .3 .2@2 .0@0",
      ]);
      world.applyAll(changed.steps);
      expect(change(world, two).steps).toEqual([]);
      leave(world, OWNER, whole);
      expect({ configured: world.configured, ledger: world.configuredLedger }).toEqual({
        configured: [],
        ledger: [],
      });
    }
  });

  it("of one function is libvirt's ordinary hostdev, there at the start", () => {
    const world = shutOff({ functions: hostDevice(undefined, [0]), plugsSingles: true });
    const one = { ...all, selection: { by: "device", device: "0000:01:00" as PciSlotAddress } } as const;
    expect(outline(create(world, one))).toEqual(["record configuration", "configure .0@0"]);
    const { steps } = change(made(world, one).coldBoot(), one, priorOf([0]));
    expect(steps).toEqual([]);
  });

  it("finds the port for it in the configuration: free, hot-pluggable, nobody else's", () => {
    const taken = { reservedSlots: [0] };
    const closed = { hotplug: { possible: false, reason: "its port has hotplug='off'" } } as const;
    const buses = [
      expressBus("pci.3"),
      expressBus("pci.5", "pcie-native"),
      expressBus("pci.7", "pcie-acpi", taken),
      expressBus("pci.8", "pcie-acpi", closed),
      expressBus("pci.9", "pcie-acpi", { reservedAtBoot: [0] }),
    ];
    const functions = [...hostDevice(), ...hostDevice(secondCard, [0], { iommuGroup: 8 })];
    const world = shutOff({ buses, functions });
    expect(create(world).target?.slot).toEqual({ bus: "pci.5", slot: 0, kind: "pcie-native" });
    made(world, { ...all, ownerToken: OTHER_OWNER, selection: { by: "device", device: secondCard } });
    expect(create(world).target?.slot.bus).toBe("pci.3");
    const refused = (bus: string, slot?: number) =>
      refusalOf(() => create(world, { ...all, guestSlot: { bus, ...(slot !== undefined && { slot }) } }));
    for (const bus of ["pci.5", "pci.7", "pci.8", "pci.9", "pci.77"])
      expect(refused(bus)).toBe("SLOT_REFUSED");
    expect(refused("pci.3", 4)).toBe("SLOT_REFUSED");
    expect(refused("pci.3", 0)).toBeUndefined();
  });

  it("takes a slot of a conventional bus, and is refused where none is free", () => {
    const conventional = conventionalBus("pci.0", "pci-acpi", { reservedSlots: [31, 30] });
    expect(create(shutOff({ buses: [conventional] })).target?.slot).toEqual({
      bus: "pci.0",
      slot: 29,
      kind: "pci-acpi",
    });
    const full = [expressBus("pci.2", "pcie-acpi", { reservedSlots: [0] })];
    expect(refusalOf(() => create(shutOff({ buses: full })))).toBe("NO_FREE_SLOT");
  });
});

describe("what speaks against a create for a guest that is shut off", () => {
  it("is what the host uses, unless that is allowed; this connection always", () => {
    const world = shutOff();
    world.hostUses = [hostUse("0000:01:00.1", addressOn("eth1")), hostUse("0000:01:00.2", mountOf("sda"))];
    expect(refusalOf(() => create(world))).toBe("FUNCTION_USED_BY_HOST");
    const allowed = create(world, { ...all, allowInUse: true });
    expect(outline(allowed)).toHaveLength(2);
    expect(describePlan(allowed).slice(3)).toEqual([
      "The host loses 0000:01:00.1 then, which is allowed although it has interface eth1, which is up with address 192.0.2.1.",
      expect.stringMatching(/^The host loses 0000:01:00\.2 then, which is allowed although it .*sda/),
    ]);
    world.hostUses = world.hostUses.map((one) => ({ ...one, isThisConnection: true }));
    expect(refusalOf(() => create(world, { ...all, allowInUse: true }))).toBe("FUNCTION_USED_BY_HOST");
  });

  it("is no use by the host of what the configuration has already", () => {
    const world = made(shutOff());
    world.hostUses = [0, 1, 2, 3].map((n) => hostUse(`0000:01:00.${n}`, addressOn(`eth${n}`)));
    expect(change(world).steps).toEqual([]);
    expect(outline(change(world, two))).toHaveLength(3);
    // a run that was killed between taking out and adding
    world.configured = [];
    expect(outline(change(world))).toEqual(["configure .1@1 .2@2 .3@3 .0@0"]);
  });

  it("is a physical function whose virtual functions are needed", () => {
    const world = shutOff();
    world.hostUses = [hostUse("0000:01:00.0", virtualFunctions("0000:01:00.1", "0000:01:00.2"))];
    expect(refusalsOf(() => create(world, { ...all, allowInUse: true }))).toEqual([
      "PHYSICAL_FUNCTION_NEEDED",
    ]);
  });

  it("is a leftover, a missing function, a bridge, a missing group", () => {
    expect(refusalOf(() => create(shutOff(), wants([0, 2], { persistent: true })))).toBe("LEFTOVERS_REFUSED");
    expect(refusalOf(() => create(shutOff(), wants([0, 7], { persistent: true })))).toBe(
      "FUNCTION_NOT_FOUND",
    );
    const bridge = [hostFunction("0000:01:00.0", { isBridge: true })];
    expect(refusalOf(() => create(shutOff({ functions: bridge })))).toBe("FUNCTION_IS_BRIDGE");
    const ungrouped = [hostFunction("0000:01:00.0", { iommuGroup: undefined })];
    expect(refusalOf(() => create(shutOff({ functions: ungrouped })))).toBe("FUNCTION_WITHOUT_IOMMU_GROUP");
  });

  it("is another guest with a member of the group, running or not", () => {
    const functions = [...hostDevice(), hostFunction("0000:03:00.0")];
    for (const hostAddress of ["0000:01:00.1", "0000:03:00.0"].map(at)) {
      const running = shutOff({ functions });
      running.hold(hostAddress, "hostdev0", OTHER_GUEST);
      expect(refusalOf(() => create(running, { ...all, leftovers: "hold" }))).toBe("FUNCTION_HELD_BY_GUEST");
      const configured = shutOff({ functions });
      configured.configuredElsewhere = [{ guest: OTHER_GUEST, hostAddress, alias: "hostdev0" }];
      const plan = () => create(configured, { ...all, leftovers: "hold" });
      expect(refusalOf(plan)).toBe("FUNCTION_CONFIGURED_ELSEWHERE");
      expect(plan).toThrow(new RegExp(`${hostAddress} \\(hostdev0\\).*guest2.*starts second`, "s"));
    }
    const unrelated = shutOff({
      functions: [...functions, ...hostDevice(secondCard, [0], { iommuGroup: 8 })],
    });
    unrelated.configuredElsewhere = [{ guest: OTHER_GUEST, hostAddress: at("0000:02:00.0"), alias: "" }];
    expect(create(unrelated, { ...all, leftovers: "hold" }).steps).toHaveLength(2);
  });

  it("is no other guest's configuration once ours has it", () => {
    const world = made(shutOff());
    world.configuredElsewhere = [{ guest: OTHER_GUEST, hostAddress: at("0000:01:00.1"), alias: "hostdev0" }];
    expect(change(world).steps).toEqual([]);
  });

  it("is a hostdev of the guest's own, or another attachment of it", () => {
    const byHand = shutOff();
    byHand.configure([{ hostAddress: at("0000:01:00.3"), alias: "ua-mine" }]);
    expect(refusalOf(() => create(byHand))).toBe("FUNCTION_CONFIGURED_OTHERWISE");
    const another = made(shutOff(), { ...all, ownerToken: OTHER_OWNER });
    expect(refusalOf(() => create(another))).toBe("ATTACHMENT_OWNED_BY_ANOTHER");
    expect(outline(create(another, { ...all, adopt: true }))).toEqual(["record configuration"]);
  });

  it("is what stands under its token otherwise; as it stands it is taken over", () => {
    const world = made(shutOff());
    expect(refusalOf(() => create(world, two))).toBe("ATTACHMENT_EXISTS");
    const plan = create(world, later(all));
    expect(outline(plan)).toEqual(["record configuration"]);
    expect(plan.target?.entry.incarnation).toBe("cd".repeat(16));
    expect(outline(create(world, { ...two, adopt: true }))).toHaveLength(3);
  });
});

describe("how a slot takes hotplug, once it is known", () => {
  const native = [expressBus("pci.2", "pcie-native"), expressBus("pci.4", "pcie-native")];

  it("is what the running guest tells, whatever was expected, and no step", () => {
    const world = made(shutOff({ buses: native }));
    const expected = { ...whole, slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" as const } };
    const { steps, target } = change(world.coldBoot(), all, expected);
    expect(steps).toEqual([]);
    expect(target?.slot.kind).toBe("pcie-native");
  });

  it("stays known when the guest is shut off again", () => {
    const world = made(shutOff());
    world.coldBoot().stopGuest();
    const known = { ...whole, slot: { bus: "pci.4", slot: 0, kind: "pcie-native" as const } };
    const { steps, target } = change(world, all, known);
    expect(steps).toEqual([]);
    expect(target?.slot.kind).toBe("pcie-native");
  });
});
