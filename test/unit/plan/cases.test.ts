import type { HostFunction } from "../../../provider/host/facts";
import type { PciSlotAddress, RomOptions } from "../../../provider/pci";
import {
  aliasOf,
  findOwned,
  planAttach,
  planDetach,
  qemuIdOf,
  tagOf,
  type DesiredAttachment,
} from "../../../provider/plan";
import { OLD_STATE, OTHER_OWNER, OWNER, refusalOf } from "../../support/scenarios";
import { addressOn, at, hostUse, leave, outline, reach, stepOf, wants } from "../../support/desired";
import { conventionalBus, expressBus, hostDevice, hostFunction, World } from "../../support/world";

const card = (extra: Partial<ConstructorParameters<typeof World>[0]> = {}): World =>
  new World({ functions: hostDevice(), ...extra });
const secondCard = "0000:02:00" as PciSlotAddress;
const twoCards = (): World =>
  new World({ functions: [...hostDevice(), ...hostDevice(secondCard, [0, 1], { iommuGroup: 8 })] });

describe("the plan of a first attach", () => {
  it("records, holds all, plugs 1, 2, 3 and then 0, and confirms", () => {
    expect(outline(planAttach(card().observe(), wants(), OLD_STATE))).toEqual([
      "record",
      "hold 0000:01:00.0",
      "hold 0000:01:00.1",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "plug 0000:01:00.1 as 1",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.3 as 3",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
  });

  it("plugs a single function without saying multifunction", () => {
    const plan = planAttach(
      new World({ functions: hostDevice("0000:01:00", [2]) }).observe(),
      wants([2]),
      OLD_STATE,
    );
    expect(stepOf(plan, "plug")).toMatchObject({ multifunction: false, target: { guestFunction: 0 } });
  });

  it("gives each function a QEMU id unlike its alias, both with the tag", () => {
    const plan = planAttach(card().observe(), wants(), OLD_STATE);
    const tag = tagOf(OWNER);
    expect(stepOf(plan, "hold").alias).toBe(`ua-mfpci-${tag}-0000-01-00-0`);
    expect(stepOf(plan, "plug").target.qemuId).toBe(`mfpci-${tag}-f1`);
    expect(aliasOf(tag, at("0000:01:00.0"))).not.toBe(qemuIdOf(tag, 0));
  });

  it("watches for an unasked removal in ACPI slots, and as old QEMUs need", () => {
    const watch = (world: World, desired = wants()): [boolean, number] => {
      const { isWatched, watchMs } = stepOf(planAttach(world.observe(), desired, OLD_STATE), "confirm");
      return [isWatched, watchMs];
    };
    const native = [expressBus("pci.4", "pcie-native")];
    expect(watch(card())).toEqual([true, 0]);
    expect(watch(card({ buses: native, qemuVersion: "5.2.0" }))).toEqual([true, 500]);
    expect(watch(card({ buses: native, qemuVersion: "7.2.22" }))).toEqual([false, 0]);
    expect(watch(card({ buses: native, qemuVersion: "10.0.13" }))).toEqual([false, 0]);
    const changed = card();
    reach(changed, wants());
    expect(watch(changed, wants([0, 2], { leftovers: "hold" }))).toEqual([true, 0]);
  });

  it("names the slot that the user named", () => {
    const plan = planAttach(card().observe(), wants(undefined, { guestSlot: { bus: "pci.2" } }), OLD_STATE);
    expect(plan.target?.slot).toEqual({ bus: "pci.2", slot: 0, kind: "pcie-acpi" });
  });
});

describe("functions of a touched group that are not assigned", () => {
  it("are held and shown to nobody where the user said so", () => {
    const plan = planAttach(card().observe(), wants([0, 2], { leftovers: "hold" }), OLD_STATE);
    expect(outline(plan)).toEqual([
      "record",
      "hold 0000:01:00.0",
      "hold 0000:01:00.1",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
    expect(plan.steps.flatMap((s) => (s.kind === "hold" ? s.purpose : []))).toEqual([
      "assign",
      "leftover",
      "assign",
      "leftover",
    ]);
  });

  it.each([
    ["without a driver", { driver: undefined }],
    ["on vfio-pci already", { driver: "vfio-pci" }],
    ["on a variant of vfio-pci already", { driver: "nvgrace_gpu_vfio_pci" }],
    ["that are bridges", { driver: "pcieport", isBridge: true }],
  ])("%s are no obstacle, and are not held", (_name, extra) => {
    const world = new World({
      functions: [...hostDevice("0000:01:00", [0]), hostFunction("0000:00:1c.0", extra)],
    });
    for (const leftovers of ["refuse", "hold"] as const)
      expect(outline(planAttach(world.observe(), wants([0], { leftovers }), OLD_STATE))).toEqual([
        "record",
        "hold 0000:01:00.0",
        "plug 0000:01:00.0 as 0",
        "confirm",
      ]);
  });

  it("of other groups stay as they are", () => {
    const isolated = [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 20 + n }));
    const plan = planAttach(new World({ functions: isolated }).observe(), wants([1]), OLD_STATE);
    expect(outline(plan)).toEqual(["record", "hold 0000:01:00.1", "plug 0000:01:00.1 as 0", "confirm"]);
  });

  it("that are held already are refused once the user says refuse", () => {
    const world = card();
    reach(world, wants([0, 2], { leftovers: "hold" }));
    expect(refusalOf(() => planAttach(world.observe(), wants([0, 2]), OLD_STATE))).toBe("LEFTOVERS_REFUSED");
  });
});

describe("a change of the set", () => {
  it("unplugs all and plugs the new set there; common functions stay held", () => {
    const world = card();
    const { target } = reach(world, wants());
    const plan = reach(world, wants([0, 2], { leftovers: "hold" }));
    expect(outline(plan)).toEqual([
      "record",
      "unplug 1 of 4",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
    expect(plan.target?.slot).toEqual(target?.slot);
  });

  it("of the mapping alone does so too", () => {
    const world = card();
    reach(world, wants());
    const map = [1, 0, 2, 3].map((guestFunction, n) => ({
      hostAddress: at(`0000:01:00.${n}`),
      guestFunction,
    }));
    const plan = reach(world, wants(undefined, { selection: { by: "map", map } }));
    expect(outline(plan).slice(0, 2)).toEqual(["record", "unplug 1 of 4"]);
    expect(world.guestSees()[0]?.map[0]).toEqual({ hostAddress: "0000:01:00.1", guestFunction: 0 });
  });

  it("to another device releases the old group last, and sees its drivers back", () => {
    const world = twoCards();
    reach(world, wants());
    const plan = reach(world, wants(undefined, { selection: { by: "device", device: secondCard } }));
    expect(outline(plan)).toEqual([
      "record",
      "hold 0000:02:00.0",
      "hold 0000:02:00.1",
      "unplug 1 of 4",
      "plug 0000:02:00.1 as 1",
      "plug 0000:02:00.0 as 0",
      "confirm",
      "release 0000:01:00.0",
      "release 0000:01:00.1",
      "release 0000:01:00.2",
      "release 0000:01:00.3",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "record",
    ]);
  });

  it("to another bus moves the device there", () => {
    const world = card();
    reach(world, wants());
    const plan = reach(world, wants(undefined, { guestSlot: { bus: "pci.2" } }));
    expect(outline(plan).slice(0, 2)).toEqual(["record", "unplug 1 of 4"]);
    expect(world.guestSees()).toMatchObject([{ bus: "pci.2", slot: 0 }]);
  });

  it("that only names the bus where the device is does not move it", () => {
    const world = card({ buses: [conventionalBus("pci.0")] });
    reach(world, wants(undefined, { guestSlot: { bus: "pci.0", slot: 5 } }));
    expect(
      outline(planAttach(world.observe(), wants(undefined, { guestSlot: { bus: "pci.0" } }), OLD_STATE)),
    ).toEqual([]);
  });

  it("of leftovers from refuse to hold changes nothing where all are assigned", () => {
    const world = card();
    reach(world, wants());
    expect(planAttach(world.observe(), wants(undefined, { leftovers: "hold" }), OLD_STATE).steps).toEqual([]);
  });
});

describe("functions of several host slots in one guest slot", () => {
  /** Virtual functions, each in a group of its own, and a card whose functions share one. */
  const apart = (): World =>
    new World({
      functions: [
        hostFunction("0000:01:10.0", { iommuGroup: 11, driver: "igbvf" }),
        hostFunction("0000:01:10.2", { iommuGroup: 12, driver: "igbvf" }),
        ...hostDevice(secondCard, [0, 1], { iommuGroup: 8 }),
      ],
    });
  const mapped = (
    map: Readonly<Record<string, number>>,
    extra: Partial<DesiredAttachment> = {},
  ): DesiredAttachment =>
    wants(undefined, {
      ...extra,
      selection: {
        by: "map",
        map: Object.entries(map).map(([address, guestFunction]) => ({
          hostAddress: at(address),
          guestFunction,
        })),
      },
    });
  const both = mapped({ "0000:01:10.0": 0, "0000:01:10.2": 1 });

  it("are all held, whatever their group, before the first is plugged", () => {
    expect(outline(planAttach(apart().observe(), both, OLD_STATE))).toEqual([
      "record",
      "hold 0000:01:10.0",
      "hold 0000:01:10.2",
      "plug 0000:01:10.2 as 1",
      "plug 0000:01:10.0 as 0",
      "confirm",
    ]);
  });

  it("bring the leftovers of each group, which are refused unless held", () => {
    const map = { "0000:01:10.2": 0, "0000:02:00.1": 7 };
    expect(refusalOf(() => planAttach(apart().observe(), mapped(map), OLD_STATE))).toBe("LEFTOVERS_REFUSED");
    expect(outline(planAttach(apart().observe(), mapped(map, { leftovers: "hold" }), OLD_STATE))).toEqual([
      "record",
      "hold 0000:01:10.2",
      "hold 0000:02:00.0",
      "hold 0000:02:00.1",
      "plug 0000:02:00.1 as 7",
      "plug 0000:01:10.2 as 0",
      "confirm",
    ]);
  });

  it("change their set: untouched groups come back last, the others stay held", () => {
    const world = apart();
    reach(world, both);
    expect(
      outline(reach(world, mapped({ "0000:01:10.2": 0, "0000:02:00.0": 1, "0000:02:00.1": 2 }))),
    ).toEqual([
      "record",
      "hold 0000:02:00.0",
      "hold 0000:02:00.1",
      "unplug 1 of 2",
      "plug 0000:02:00.0 as 1",
      "plug 0000:02:00.1 as 2",
      "plug 0000:01:10.2 as 0",
      "confirm",
      "release 0000:01:10.0",
      "restore 0000:01:10.0",
      "record",
    ]);
    expect(world.functions.get(at("0000:01:10.0"))?.driver).toBe("igbvf");
  });

  it("are configured in one slot if persistent, and recognised after a cold boot", () => {
    const world = apart();
    const persistent = { ...both, persistent: true };
    reach(world, persistent);
    world.stopGuest();
    expect(planAttach(world.coldBoot().observe(), persistent, OLD_STATE).steps).toEqual([]);
    expect(world.guestSees().map((one) => one.map.length)).toEqual([2]);
  });

  it("are given back by one detach", () => {
    const world = apart();
    reach(world, both);
    expect(outline(leave(world))).toEqual([
      "unplug 1 of 2",
      "release 0000:01:10.0",
      "release 0000:01:10.2",
      "restore 0000:01:10.0 0000:01:10.2",
      "erase",
    ]);
  });

  it("with one missing are refused, and the others of its slot named", () => {
    const desired = mapped({ "0000:01:10.0": 0, "0000:02:00.3": 1 });
    expect(() => planAttach(apart().observe(), desired, OLD_STATE)).toThrow(
      /no PCI function 0000:02:00\.3; that device has 0000:02:00\.0, 0000:02:00\.1/,
    );
  });
});

describe("one function alone, where libvirt plugs such by itself", () => {
  const alone = (extra: Partial<ConstructorParameters<typeof World>[0]> = {}): World =>
    card({ plugsSingles: true, ...extra });
  const one = wants([1], { leftovers: "hold" });
  const alias = aliasOf(tagOf(OWNER), at("0000:01:00.1"));

  it("is attached by libvirt, under its alias, once its group is held", () => {
    const plan = planAttach(alone().observe(), one, OLD_STATE);
    expect(outline(plan)).toEqual([
      "record",
      "hold 0000:01:00.0",
      "hold 0000:01:00.2",
      "hold 0000:01:00.3",
      "attach-single 0000:01:00.1",
      "confirm",
    ]);
    expect(plan.target?.attached).toEqual([{ hostAddress: "0000:01:00.1", guestFunction: 0, qemuId: alias }]);
  });

  it("is handed back by libvirt at its unplug, and leftovers are released", () => {
    const world = alone();
    reach(world, one);
    expect(outline(leave(world))).toEqual([
      "unplug 1 of 1",
      "await-reattach .1",
      "release 0000:01:00.0",
      "release 0000:01:00.2",
      "release 0000:01:00.3",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "erase",
    ]);
  });

  it("is held and plugged as one of several when the set grows", () => {
    const world = alone();
    reach(world, one);
    expect(outline(reach(world, wants([0, 1, 2, 3]))).slice(0, 6)).toEqual([
      "record",
      "unplug 1 of 1",
      "await-reattach .1",
      "hold 0000:01:00.1",
      "plug 0000:01:00.1 as 1",
      "plug 0000:01:00.2 as 2",
    ]);
  });

  it("that several have shrunk to stays held, and is plugged by QEMU", () => {
    const world = alone();
    reach(world, wants());
    expect(outline(reach(world, one))).toEqual([
      "record",
      "unplug 1 of 4",
      "plug 0000:01:00.1 as 0",
      "confirm",
    ]);
    expect(planAttach(world.observe(), one, OLD_STATE).steps).toEqual([]);
  });

  it("is left as it is where an earlier release has held and plugged it", () => {
    const world = card();
    reach(world, one);
    const there = alone();
    Object.assign(there, { holdings: world.holdings, plugged: world.plugged, ledger: world.ledger });
    expect(planAttach(there.observe(), one, OLD_STATE).steps).toEqual([]);
  });

  it("makes way for another only when that is held", () => {
    const functions = [...hostDevice(), ...hostDevice(secondCard, [0], { iommuGroup: 8 })];
    const world = alone({ functions });
    reach(world, one);
    const other = wants(undefined, { selection: { by: "device", device: secondCard } });
    expect(outline(reach(world, other)).slice(0, 5)).toEqual([
      "record",
      "hold 0000:02:00.0",
      "unplug 1 of 1",
      "await-reattach .1",
      "plug 0000:02:00.0 as 0",
    ]);
  });

  it("that QEMU has before libvirt says so counts as libvirt's", () => {
    const world = alone({ functions: hostDevice("0000:01:00", [1]) });
    const lonely = wants([1]);
    reach(world, lonely);
    world.holdings = [];
    expect(planAttach(world.observe(), lonely, OLD_STATE).steps).toEqual([]);
    expect(outline(planDetach(world.observe(), OWNER)).slice(0, 2)).toEqual([
      "unplug 1 of 1",
      "await-reattach .1",
    ]);
  });

  it("is held and plugged on pseries, where libvirt has other names for buses", () => {
    const world = alone({ buses: [conventionalBus("pci.0", "pseries")] });
    expect(outline(planAttach(world.observe(), one, OLD_STATE))).toContain("plug 0000:01:00.1 as 0");
  });

  it("comes back by a cold boot as it was, where it is persistent", () => {
    const world = alone();
    const persistent = { ...one, persistent: true };
    reach(world, persistent);
    world.stopGuest();
    expect(planAttach(world.coldBoot().observe(), persistent, OLD_STATE).steps).toEqual([]);
    expect(world.plugged.map((two) => two.qemuId)).toEqual([alias]);
  });

  it("can be adopted where it stands", () => {
    const world = alone();
    reach(world, { ...one, ownerToken: OTHER_OWNER });
    expect(outline(reach(world, { ...one, adopt: true }))).toEqual(["record"]);
    expect(outline(leave(world)).slice(0, 2)).toEqual(["unplug 1 of 1", "await-reattach .1"]);
  });
});

describe("the ROM of a function", () => {
  const romFile = "/usr/share/vgabios/card.rom";
  const mapped = (rom: RomOptions, extra: Partial<DesiredAttachment> = {}): DesiredAttachment =>
    wants(undefined, {
      leftovers: "hold",
      ...extra,
      selection: {
        by: "map",
        map: [
          { hostAddress: at("0000:01:00.0"), guestFunction: 0, ...rom },
          { hostAddress: at("0000:01:00.1"), guestFunction: 1 },
        ],
      },
    });
  const kindsOf = (world: World, desired: DesiredAttachment): string[] => [
    ...new Set(planAttach(world.observe(), desired, OLD_STATE).steps.map((step) => step.kind)),
  ];

  it("is plugged with it, under an id that tells to ask for it", () => {
    const plan = planAttach(card().observe(), mapped({ romFile }), OLD_STATE);
    const ids = plan.steps.flatMap((step) =>
      step.kind === "plug" ? [[step.target.qemuId, step.target.romFile]] : [],
    );
    const tag = tagOf(OWNER);
    expect(ids).toEqual([
      [`mfpci-${tag}-f1`, undefined],
      [`mfpci-${tag}-f0-rom`, romFile],
    ]);
    expect(plan.target?.entry.functions[0]).toMatchObject({ guestFunction: 0, romFile });
  });

  it.each<[string, RomOptions, RomOptions]>([
    ["gets a file", {}, { romFile }],
    ["gets another file", { romFile }, { romFile: "/usr/share/vgabios/other.rom" }],
    ["loses its file", { romFile }, {}],
    ["loses its BAR", {}, { romBar: false }],
    ["gets its BAR back", { romBar: false }, { romBar: true }],
  ])("that %s is a change of the set: all is unplugged, and plugged anew", (_name, before, after) => {
    const world = card();
    reach(world, mapped(before));
    expect(kindsOf(world, mapped(after))).toEqual(["record", "unplug", "plug", "confirm"]);
    reach(world, mapped(after));
    expect(kindsOf(world, mapped(after))).toEqual([]);
  });

  it("whose BAR is asked for is as QEMU shows it unasked: nothing is interrupted", () => {
    const world = card();
    reach(world, mapped({}));
    expect(kindsOf(world, mapped({ romBar: true }))).toEqual(["record"]);
  });

  it("goes into the configuration, is recognised after a cold boot, and changes there", () => {
    const world = card();
    const persistent = mapped({ romFile }, { persistent: true });
    reach(world, persistent);
    expect(world.configured.find((one) => one.guestAddress?.guestFunction === 0)?.romFile).toBe(romFile);
    world.stopGuest();
    expect(kindsOf(world, persistent)).toEqual([]);
    expect(kindsOf(world, mapped({}, { persistent: true }))).toEqual(["record", "unconfigure", "configure"]);
    world.coldBoot();
    expect(kindsOf(world, persistent)).toEqual([]);
    expect(kindsOf(world, mapped({}, { persistent: true }))).toEqual([
      "record",
      "unplug",
      "await-reattach",
      "hold",
      "plug",
      "confirm",
      "unconfigure",
      "configure",
    ]);
  });

  it("that a crash kept from its plug is plugged by the next run", () => {
    const world = card();
    reach(world, mapped({}));
    const { steps } = planAttach(world.observe(), mapped({ romFile }), OLD_STATE);
    world.applyAll(steps.slice(0, 1));
    expect(kindsOf(world, mapped({ romFile }))).toEqual(["unplug", "plug", "confirm"]);
  });
});

describe("where the user named no functions", () => {
  it("the set is what the device had when attached, even if it grew", () => {
    const world = card();
    reach(world, wants());
    world.functions.set(at("0000:01:00.4"), hostFunction("0000:01:00.4"));
    expect(refusalOf(() => planAttach(world.observe(), wants(), OLD_STATE))).toBe("LEFTOVERS_REFUSED");
    const plan = planAttach(world.observe(), wants(undefined, { leftovers: "hold" }), OLD_STATE);
    expect(plan.target?.attached).toHaveLength(4);
  });

  it("and the ledger went with the guest, the set is what the state remembers", () => {
    const world = card();
    const functions = [2, 3].map((n, i) => ({ hostAddress: at(`0000:01:00.${n}`), guestFunction: i }));
    const plan = planAttach(world.observe(), wants(undefined, { leftovers: "hold" }), { functions });
    expect(plan.target?.attached.map((one) => one.hostAddress)).toEqual(["0000:01:00.2", "0000:01:00.3"]);
  });

  it("what the state remembers of another device is not this one's set", () => {
    const prior = { functions: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0 }] };
    const plan = planAttach(twoCards().observe(), wants(), prior);
    expect(plan.target?.attached).toHaveLength(4);
  });
});

describe("after the guest was started anew", () => {
  it("everything is plugged again, into the slot that the state remembers", () => {
    const world = card();
    const { target } = reach(world, wants(undefined, { guestSlot: { bus: "pci.2" } }));
    world.stopGuest();
    world.runState = "running";
    const functions = target?.entry.functions ?? [];
    const plan = planAttach(world.observe(), wants(), { functions, ...(target && { slot: target.slot }) });
    expect(plan.target?.slot.bus).toBe("pci.2");
    expect(plan.steps.filter((step) => step.kind === "plug")).toHaveLength(4);
  });

  it("a remembered slot that something else has by now is not taken", () => {
    const taken = expressBus("pci.2", "pcie-acpi", {
      occupants: [{ slot: 0, guestFunction: 0, id: "net9" }],
    });
    const world = card({ buses: [taken, expressBus("pci.3")] });
    const slot = { bus: "pci.2", slot: 0, kind: "pcie-acpi" } as const;
    expect(planAttach(world.observe(), wants(), { slot, functions: [] }).target?.slot.bus).toBe("pci.3");
  });
});

describe("adoption", () => {
  it("changes the owner in the ledger and nothing else for the same set", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    const plan = reach(world, wants(undefined, { adopt: true }));
    expect(outline(plan)).toEqual(["record"]);
    expect(world.ledger.map((line) => line.entry)).toMatchObject([{ owner: OWNER, tag: tagOf(OTHER_OWNER) }]);
  });

  it("leaves the former owner nothing: its delete touches nothing", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    reach(world, wants(undefined, { adopt: true }));
    expect(findOwned(world.observe(), OTHER_OWNER)).toBeUndefined();
    expect(planDetach(world.observe(), OTHER_OWNER).steps).toEqual([]);
  });

  it("gives the functions back to the drivers that the first owner found", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    reach(world, wants(undefined, { adopt: true }));
    leave(world);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
    expect(world.ledger).toEqual([]);
  });

  it("can be taken back", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    reach(world, wants(undefined, { adopt: true }));
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER, adopt: true }));
    expect(world.ledger.map((line) => line.entry.owner)).toEqual([OTHER_OWNER]);
  });

  it("changes the set as well where another is wanted", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    const plan = reach(world, wants([0], { adopt: true, leftovers: "hold" }));
    expect(outline(plan)).toEqual(["record", "unplug 1 of 4", "plug 0000:01:00.0 as 0", "confirm"]);
    expect(world.guestSees()[0]?.map).toHaveLength(1);
  });

  it.each([false, true])("forgets what was recorded before it; theirs is persistent: %s", (persistent) => {
    const world = twoCards();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER, persistent }));
    const selection = { by: "device", device: secondCard } as const;
    const [record] = planAttach(world.observe(), wants([], { selection, persistent: true }), OLD_STATE).steps;
    if (record?.kind !== "record") throw new Error("the ledger comes first");
    world.apply(record);
    reach(world, wants(undefined, { adopt: true }));
    expect(world.configuredLedger).toEqual([]);
    expect(reach(world, wants(undefined, { adopt: true })).steps).toEqual([]);
  });

  it("forgets both entries also where a crash kept it from that", () => {
    const world = twoCards();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER, persistent: true }));
    const selection = { by: "device", device: secondCard } as const;
    const [record] = planAttach(world.observe(), wants([], { selection, persistent: true }), OLD_STATE).steps;
    if (record?.kind !== "record") throw new Error("the ledger comes first");
    world.apply(record);
    const { steps } = planAttach(world.observe(), wants(undefined, { adopt: true }), OLD_STATE);
    world.applyAll(steps.slice(0, 1));
    reach(world, wants(undefined, { adopt: true }));
    expect(world.configuredLedger).toEqual([]);
  });
});

describe("functions that someone has moved to another slot", () => {
  const moved = (numbers: readonly number[]): World => {
    const world = card();
    reach(world, wants());
    world.plugged = world.plugged.map((one) =>
      numbers.includes(one.guestFunction)
        ? { ...one, bus: "pci.2", guestFunction: numbers.length === 1 ? 0 : one.guestFunction }
        : one,
    );
    return world;
  };

  it("stay there where all are there: the guest is not interrupted", () => {
    const plan = reach(moved([0, 1, 2, 3]), wants());
    expect(outline(plan)).toEqual(["record"]);
    expect(plan.target?.slot.bus).toBe("pci.2");
  });

  it.each([0, 1, 3])("come back to the others where it is function %s alone", (n) => {
    const plan = reach(moved([n]), wants());
    expect(plan.steps.filter((step) => step.kind === "unplug")).toHaveLength(2);
    expect(plan.target?.slot.bus).toBe("pci.4");
  });
});

describe("a function that libvirt holds and that was taken from vfio-pci on the host", () => {
  const heldButUnbound = (driver: string | undefined): World => {
    const world = card();
    reach(world, wants());
    // the kernel asks QEMU to let go of it, and with it goes the whole slot
    world.plugged = [];
    world.bind(at("0000:01:00.2"), driver);
    return world;
  };

  it.each([undefined, "e1000e"])("for the driver %s is held anew before anything is plugged", (driver) => {
    const world = heldButUnbound(driver);
    expect(outline(reach(world, wants()))).toEqual([
      "release 0000:01:00.2",
      "hold 0000:01:00.2",
      "plug 0000:01:00.1 as 1",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.3 as 3",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
    leave(world);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
  });

  it("is held anew after what is still plugged of the others is taken back", () => {
    const world = heldButUnbound("e1000e");
    const guestAddress = { bus: "pci.4", slot: 0, guestFunction: 1 };
    world.plugged = [{ ...guestAddress, qemuId: qemuIdOf(tagOf(OWNER), 1), hostAddress: at("0000:01:00.1") }];
    expect(outline(reach(world, wants())).slice(0, 3)).toEqual([
      "unplug 1 of 1",
      "release 0000:01:00.2",
      "hold 0000:01:00.2",
    ]);
  });

  it("by a vendor's variant of vfio-pci was taken by libvirt itself", () => {
    const world = heldButUnbound("mlx5_vfio_pci");
    expect(outline(planAttach(world.observe(), wants(), OLD_STATE))[0]).toBe("plug 0000:01:00.1 as 1");
  });

  it("stays on the variant of vfio-pci that somebody chose, also once released", () => {
    const variants = new Map([[at("0000:01:00.0"), "mlx5_vfio_pci"]]);
    const functions = [
      hostFunction("0000:01:00.0", { driver: "vfio-pci" }),
      hostFunction("0000:01:00.1", { driver: "mlx5_vfio_pci" }),
      hostFunction("0000:01:00.2"),
    ];
    const world = card({ functions, variants });
    reach(world, wants(undefined, { persistent: true }));
    world.stopGuest();
    leave(world.coldBoot());
    expect([...world.functions.values()].map((one) => one.driver)).toEqual([
      "vfio-pci",
      "mlx5_vfio_pci",
      "e1000e",
    ]);
  });

  it("is left to the host where the host uses it by now", () => {
    const world = heldButUnbound("e1000e");
    world.hostUses = [hostUse("0000:01:00.2", addressOn("eth2"))];
    expect(refusalOf(() => planAttach(world.observe(), wants(), OLD_STATE))).toBe("FUNCTION_USED_BY_HOST");
  });

  it("does not interrupt the guest where it is only held beside what is plugged", () => {
    const world = card();
    reach(world, wants([0, 1], { leftovers: "hold" }));
    world.bind(at("0000:01:00.2"), undefined);
    expect(planAttach(world.observe(), wants([0, 1], { leftovers: "hold" }), OLD_STATE).steps).toEqual([]);
  });
});

describe("what a crash left behind", () => {
  it("is taken up without writing the ledger again, where that says all already", () => {
    const world = new World({ functions: hostDevice("0000:01:00", [0]) });
    const [record] = planAttach(world.observe(), wants([0]), OLD_STATE).steps;
    if (record?.kind !== "record") throw new Error("the ledger comes first");
    world.apply(record);
    const again = reach(world, wants([0]));
    expect(outline(again)).toEqual(["hold 0000:01:00.0", "plug 0000:01:00.0 as 0", "confirm"]);
    expect(world.ledger.map((line) => line.entry)).toEqual([again.target?.entry]);
    leave(world);
    expect(world.functions.get(at("0000:01:00.0"))?.driver).toBe("e1000e");
  });

  it("without any ledger is still known by its tag, taken over, and returned", () => {
    const world = card();
    reach(world, wants());
    world.ledger = [];
    const prior = {
      functions: [0, 1, 2, 3].map((n) => ({ hostAddress: at(`0000:01:00.${n}`), hostDriver: "e1000e" })),
    };
    const plan = planAttach(world.observe(), wants(), prior);
    expect(outline(plan)).toEqual(["record"]);
    expect(stepOf(plan, "record").entry.functions.map((one) => one.hostDriver)).toEqual(
      Array(4).fill("e1000e"),
    );
    expect(outline(planDetach(world.observe(), OWNER, prior))).toEqual([
      "unplug 1 of 4",
      "release 0000:01:00.0",
      "release 0000:01:00.1",
      "release 0000:01:00.2",
      "release 0000:01:00.3",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
    ]);
  });

  it("of an ACPI slot without function 0 takes one request, native ones more", () => {
    const half = (kind: "pcie-acpi" | "pcie-native"): string[] => {
      const world = card({ buses: [expressBus("pci.4", kind)] });
      const { steps } = planAttach(world.observe(), wants(), OLD_STATE);
      world.applyAll(steps.slice(0, 8));
      return outline(planDetach(world.observe(), OWNER)).slice(0, 1);
    };
    expect(half("pcie-acpi")).toEqual(["unplug 1 of 3"]);
    expect(half("pcie-native")).toEqual(["unplug 3 of 3"]);
  });

  it("half plugged is emptied before it is plugged again, never completed", () => {
    const world = card();
    const { steps } = planAttach(world.observe(), wants(), OLD_STATE);
    world.applyAll(steps.slice(0, 7));
    expect(outline(planAttach(world.observe(), wants(), OLD_STATE))).toEqual([
      "unplug 1 of 2",
      "plug 0000:01:00.1 as 1",
      "plug 0000:01:00.2 as 2",
      "plug 0000:01:00.3 as 3",
      "plug 0000:01:00.0 as 0",
      "confirm",
    ]);
  });

  it("between a release and its driver's look: the next plan looks again", () => {
    const world = twoCards();
    reach(world, wants());
    for (const one of world.functions.keys()) world.losesDriverAtRelease.add(one);
    const desired = wants(undefined, { selection: { by: "device", device: secondCard } });
    const { steps } = planAttach(world.observe(), desired, OLD_STATE);
    world.applyAll(
      steps.slice(
        0,
        steps.findIndex((step) => step.kind === "restore"),
      ),
    );
    expect(world.functions.get(at("0000:01:00.0"))?.driver).toBeUndefined();
    expect(outline(planAttach(world.observe(), desired, OLD_STATE))).toEqual([
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "record",
    ]);
  });

  it("in a cut-off detach is held again with the driver it had", () => {
    const world = card();
    reach(world, wants());
    world.losesDriverAtRelease.add(at("0000:01:00.2"));
    const { steps } = planDetach(world.observe(), OWNER);
    world.applyAll(
      steps.slice(
        0,
        steps.findIndex((step) => step.kind === "restore"),
      ),
    );
    const plan = planAttach(world.observe(), wants(), OLD_STATE);
    expect(stepOf(plan, "plug")).toBeDefined();
    expect(plan.target?.entry.functions.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
  });
});

describe("a detach", () => {
  it("unplugs once, releases each, sees every driver back and erases the ledger last", () => {
    const world = card();
    reach(world, wants([0, 2], { leftovers: "hold" }));
    expect(outline(planDetach(world.observe(), OWNER))).toEqual([
      "unplug 1 of 2",
      "release 0000:01:00.0",
      "release 0000:01:00.1",
      "release 0000:01:00.2",
      "release 0000:01:00.3",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "erase",
    ]);
  });

  it("of nothing has no steps", () => {
    expect(planDetach(card().observe(), OWNER).steps).toEqual([]);
  });

  it("from a guest that has ended only looks whether the drivers come back", () => {
    const world = card();
    const { target } = reach(world, wants());
    world.stopGuest();
    const plan = planDetach(world.observe(), OWNER, { functions: target?.entry.functions ?? [] });
    expect(outline(plan)).toEqual(["restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3"]);
    expect(stepOf(plan, "restore").givenBackBy).toBe("guest-end");
  });

  it("looks at no function that someone else holds, nor at its IOMMU group", () => {
    const whenAnotherHas1 = (functions: HostFunction[]): string[] => {
      const world = new World({ functions });
      const { target } = reach(world, wants());
      world.stopGuest();
      world.hold(at("0000:01:00.1"), "hostdev0", { name: "guest2", uuid: "2" });
      return outline(planDetach(world.observe(), OWNER, { functions: target?.entry.functions ?? [] }));
    };
    const isolated = [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 20 + n }));
    expect(whenAnotherHas1(isolated)).toEqual(["restore 0000:01:00.0 0000:01:00.2 0000:01:00.3"]);
    expect(whenAnotherHas1(hostDevice())).toEqual([]);
  });
});
