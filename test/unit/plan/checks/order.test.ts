import fc from "fast-check";
import type { ErrorCode } from "../../../../provider/errors";
import type { PciSlotAddress } from "../../../../provider/pci";
import { planAttach, planDetach, tagOf, type DesiredAttachment } from "../../../../provider/plan";
import { CHECKS, DETACH_CHECKS } from "../../../../provider/plan/checks";
import { addressOn, at, hostUse, reach, sshUse, virtualFunctions, wants } from "../../../support/desired";
import {
  OLD_STATE,
  OLDER_LIBVIRT,
  OTHER_OWNER,
  OWNER,
  refusalsOf,
  scenario,
} from "../../../support/scenarios";
import { expressBus, hostDevice, hostFunction, OTHER_GUEST, OWN_GUEST, World } from "../../../support/world";

test("the checks have this order: the first refusal gives an error its code", () => {
  expect(CHECKS.map(({ name, checks }) => [name, checks.map((check) => check.name)])).toEqual([
    ["guest state", ["checkLibvirtVersion", "checkGuestState"]],
    ["device", ["checkDevice"]],
    ["ownership", ["checkTakenOver", "checkAdoptedByAnother", "checkOwnedByAnother"]],
    ["selection", ["checkSelectedFunctions", "checkAddressable"]],
    ["standing attachment", ["checkStandingOtherwise"]],
    [
      "functions, guest slot and limits",
      [
        "checkGroupHeldByGuest",
        "checkLeftovers",
        "checkHeldByGuest",
        "checkPluggedOtherwise",
        "checkSlot",
        "checkPhysicalFunctions",
        "checkUsedByHost",
        "checkQemuLimits",
        "checkSteppingStone",
        "checkConfiguredOtherwise",
        "checkSlotGivenAway",
        "checkUnplug",
        "checkUnidentified",
        "checkHostList",
        "checkConfiguredElsewhere",
        "checkGroupBridges",
        "checkLeftoverBuses",
        "checkBlockedUnbind",
        "checkHeldByProcess",
        "checkVfioOfHost",
        "checkVirtualIommu",
        "checkDisconnects",
      ],
    ],
  ]);
  expect(DETACH_CHECKS.flatMap(({ checks }) => checks.map((check) => check.name))).toEqual([
    "checkPluggedOtherwise",
    "checkUnplug",
    "checkUnidentified",
    "checkDisconnects",
  ]);
});

/** What speaks against a plan for the first function of a card, one thing each. */
const obstacles = {
  FUNCTION_HELD_BY_GUEST: (world: World) => world.hold(at("0000:01:00.1"), "hostdev0", OTHER_GUEST),
  LEFTOVERS_REFUSED: (world: World) => {
    world.functions.set(at("0000:01:00.2"), hostFunction("0000:01:00.2", { iommuGroup: 7, driver: "tg3" }));
  },
  FUNCTION_PLUGGED_OTHERWISE: (world: World) => {
    const place = { bus: "pci.2", slot: 0, guestFunction: 0 };
    world.plugged.push({ qemuId: "by-hand", hostAddress: at("0000:01:00.0"), ...place });
  },
  NO_FREE_SLOT: (world: World) => world.reserveAtBoot({ "pci.2": 0, "pci.3": 0, "pci.4": 0 }),
  PHYSICAL_FUNCTION_NEEDED: (world: World) => {
    world.hold(at("0000:01:10.0"), "hostdev1", OTHER_GUEST);
    world.hostUses = [...world.hostUses, hostUse("0000:01:00.0", virtualFunctions("0000:01:10.0"))];
  },
  FUNCTION_USED_BY_HOST: (world: World) => {
    world.hostUses = [...world.hostUses, hostUse("0000:01:00.0", addressOn("eth0"))];
  },
  GROUP_NODE_CLOSED: (world: World) => {
    const closedNodes = [{ iommuGroup: 7, path: "/dev/vfio/7" }];
    world.qemuLimits = { pid: 7, user: "vm", ...world.qemuLimits, closedNodes };
  },
  MEMLOCK_TOO_LOW: (world: World) => {
    world.qemuLimits = {
      pid: 7,
      user: "vm",
      closedNodes: [],
      ...world.qemuLimits,
      lockedMemoryBytes: 2 ** 20,
    };
  },
  FUNCTION_CONFIGURED_OTHERWISE: (world: World) => {
    world.configured = [{ hostAddress: at("0000:01:00.0"), alias: "ua-mine" }];
  },
  HOST_RULES_MISSING: (world: World) => {
    const unlisted = new Set([at("0000:01:00.0")]);
    world.hostList = { target: "vm@hv1:22", account: "vm", socket: "/run/vm.qmp", unlisted };
  },
} satisfies Partial<Record<ErrorCode, (world: World) => void>>;

/** Pairs of which the first makes the second say nothing new. */
const silenced = ["FUNCTION_HELD_BY_GUEST + GROUP_NODE_CLOSED"];

function worldWith(codes: readonly (keyof typeof obstacles)[]): World {
  const world = new World({
    functions: [
      ...hostDevice("0000:01:00", [0]),
      ...hostDevice("0000:01:00", [1], { driver: "vfio-pci" }),
      hostFunction("0000:01:10.0", { iommuGroup: 11 }),
    ],
    memoryBytes: 2 ** 30,
  });
  for (const code of codes) obstacles[code](world);
  return world;
}

describe("where several things speak against a plan,", () => {
  const codes = Object.keys(obstacles) as (keyof typeof obstacles)[];
  const desired = wants([0], { persistent: true });

  it.each(codes)("%s alone is told alone", (code) => {
    expect(refusalsOf(() => planAttach(worldWith([code]).observe(), desired))).toEqual([code]);
  });

  const pairs = codes.flatMap((first, index) =>
    codes.slice(index + 1).map((second) => [first, second] as const),
  );
  it.each(pairs)("%s comes first and %s is listed, in whichever order they came about", (first, second) => {
    const expected = silenced.includes(`${first} + ${second}`) ? [first] : [first, second];
    for (const order of [
      [first, second],
      [second, first],
    ])
      expect(refusalsOf(() => planAttach(worldWith(order).observe(), desired))).toEqual(expected);
  });

  it("all are listed in one error", () => {
    const told = refusalsOf(() => planAttach(worldWith(codes).observe(), desired));
    expect(told).toEqual(codes.filter((one) => one !== "GROUP_NODE_CLOSED"));
  });
});

interface Case {
  readonly name: string;
  readonly world: () => World;
  readonly desired?: DesiredAttachment;
  readonly codes: readonly ErrorCode[];
}

const isolated = (): World =>
  new World({
    functions: [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n })),
    olderLibvirt: OLDER_LIBVIRT,
    runState: "paused",
    buses: [expressBus("pci.4")],
  });

const cases: readonly Case[] = [
  {
    name: "an older libvirt and a guest that has never run",
    world: () => new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT, runState: "prelaunch" }),
    desired: wants(undefined, { persistent: true }),
    codes: ["PERSISTENT_NEEDS_NEWER_LIBVIRT", "GUEST_NEVER_RAN"],
  },
  {
    name: "each function that cannot be selected, in the order of the map",
    world: () =>
      new World({
        functions: [
          hostFunction("0000:01:00.0", { isBridge: true }),
          ...hostDevice("0000:01:00", [1, 2], { iommuGroup: undefined }),
        ],
      }),
    desired: wants([0, 1, 2, 5]),
    codes: ["FUNCTION_IS_BRIDGE", "FUNCTION_WITHOUT_IOMMU_GROUP", "FUNCTION_NOT_FOUND"],
  },
  {
    name: "each function that another guest has",
    world: () => {
      const world = new World({ functions: hostDevice() });
      for (const n of [1, 3]) world.hold(at(`0000:01:00.${n}`), `hostdev${n}`, OTHER_GUEST);
      return world;
    },
    codes: ["FUNCTION_HELD_BY_GUEST", "FUNCTION_HELD_BY_GUEST"],
  },
  {
    name: "all that keeps an older libvirt from introducing a set",
    world: isolated,
    codes: ["STEPPING_STONE_IMPOSSIBLE", "STEPPING_STONE_IMPOSSIBLE", "STEPPING_STONE_IMPOSSIBLE"],
  },
  {
    name: "a standing set whose slot is given away, and a function that is configured by another device",
    world: () => {
      const world = new World({ functions: hostDevice() });
      reach(world, wants());
      world.reserveAtBoot({ "pci.4": 0 });
      world.configured = [{ hostAddress: at("0000:01:00.2"), alias: "ua-mine" }];
      return world;
    },
    desired: wants(undefined, { persistent: true }),
    codes: ["FUNCTION_CONFIGURED_OTHERWISE", "SLOT_CONFIGURED_OTHERWISE"],
  },
];

describe("one refusal beside another:", () => {
  it.each(cases)("$name", ({ world, desired, codes }) => {
    expect(refusalsOf(() => planAttach(world().observe(), desired ?? wants()))).toEqual(codes);
  });

  it("a state whose attachment another stack has, and functions of another owner", () => {
    const world = new World({
      functions: [...hostDevice(), ...hostDevice("0000:02:00", [0], { iommuGroup: 8 })],
    });
    const selection = { by: "device", device: "0000:02:00" as PciSlotAddress } as const;
    const fresh = { incarnation: "a".repeat(32), since: "2026-01-01T00:00:00Z" };
    world.applyAll(planAttach(world.observe(), wants(undefined, { fresh })).steps);
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER, selection }));
    const prior = { incarnation: "b".repeat(32), functions: [{ hostAddress: at("0000:01:00.0") }] };
    const plan = () => planAttach(world.observe(), wants(undefined, { selection }), prior);
    expect(refusalsOf(plan)).toEqual(["ATTACHMENT_TAKEN_OVER", "ATTACHMENT_OWNED_BY_ANOTHER"]);
  });

  it("the leftovers of a shut-off guest come first, as they always have", () => {
    const world = new World({ functions: hostDevice() });
    reach(world, wants(undefined, { persistent: true }));
    world.stopGuest();
    world.hold(at("0000:01:00.3"), "hostdev0", OTHER_GUEST);
    world.configured = world.configured.filter((one) => one.hostAddress !== at("0000:01:00.3"));
    const desired = wants([0, 1], { persistent: true });
    expect(refusalsOf(() => planAttach(world.observe(), desired, OLD_STATE))).toEqual([
      "LEFTOVERS_REFUSED",
      "FUNCTION_HELD_BY_GUEST",
    ]);
  });

  it("of a detach each thing is told that keeps it from its end", () => {
    const world = new World({ functions: hostDevice() });
    reach(world, wants([0, 2], { leftovers: "hold" }));
    world.unidentified = ["x"];
    world.plugged.push({
      qemuId: "by-hand",
      hostAddress: at("0000:01:00.1"),
      bus: "pci.2",
      slot: 0,
      guestFunction: 0,
    });
    const seen = world.observe();
    const closed = seen.buses.map((bus) => ({ ...bus, hotplug: { possible: false, reason: "x" } as const }));
    expect(refusalsOf(() => planDetach({ ...seen, buses: closed }, OWNER))).toEqual([
      "FUNCTION_PLUGGED_OTHERWISE",
      "SLOT_REFUSED",
      "FUNCTION_UNIDENTIFIED",
    ]);
    world.runState = "prelaunch";
    expect(refusalsOf(() => planDetach(world.observe(), OWNER))).toEqual([
      "FUNCTION_PLUGGED_OTHERWISE",
      "GUEST_NEVER_RAN",
      "FUNCTION_UNIDENTIFIED",
    ]);
  });
});

describe("two checks that ask the same thing do not both answer:", () => {
  const card = (): World => new World({ functions: hostDevice(), memoryBytes: 2 ** 30 });
  const messageOf = (world: World, desired = wants()): string => {
    try {
      planAttach(world.observe(), desired);
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing was thrown";
  };

  it("what a guest has is not told as used by the host", () => {
    const world = card();
    world.hold(at("0000:01:00.1"), "hostdev0", OTHER_GUEST);
    world.hostUses = [hostUse("0000:01:00.1", addressOn("eth1")), sshUse("0000:01:00.2")];
    const lines = messageOf(world).split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/0000:01:00\.1 is in use by guest guest2.*FUNCTION_HELD_BY_GUEST\]$/);
    expect(lines[1]).toMatch(/taken from it: 0000:01:00\.2 \(e1000e\) carries.*FUNCTION_USED_BY_HOST\]$/);
  });

  it("a leftover that a guest has is not told as free to hold", () => {
    const world = card();
    world.functions.set(at("0000:01:00.3"), hostFunction("0000:01:00.3", { iommuGroup: 7, driver: "tg3" }));
    const prior = [at("0000:01:00.2")];
    world.holdings.push({
      guest: OTHER_GUEST,
      hostAddress: prior[0]!,
      alias: "hostdev0",
      isUnassigned: false,
    });
    const lines = messageOf(world, wants([0, 1])).split("\n");
    expect(lines[1]).toMatch(/allow: 0000:01:00\.3 \(tg3\)\. .*LEFTOVERS_REFUSED\]$/);
    expect(lines).toHaveLength(2);
  });

  it("what this guest has by its own device is told once", () => {
    const world = card();
    world.hold(at("0000:01:00.0"), "hostdev0", OWN_GUEST);
    world.plugged = [
      { qemuId: "hostdev0", hostAddress: at("0000:01:00.0"), bus: "pci.2", slot: 0, guestFunction: 0 },
    ];
    expect(refusalsOf(() => planAttach(world.observe(), wants()))).toEqual(["FUNCTION_HELD_BY_GUEST"]);
  });

  it("virtual functions that somebody needs are not told as an allowable use", () => {
    const world = new World({
      functions: [...hostDevice("0000:01:00", [0]), hostFunction("0000:01:10.0", { iommuGroup: 11 })],
    });
    world.hold(at("0000:01:10.0"), "hostdev0", OTHER_GUEST);
    world.hostUses = [hostUse("0000:01:00.0", virtualFunctions("0000:01:10.0"))];
    const refusals = () => refusalsOf(() => planAttach(world.observe(), wants()));
    expect(refusals()).toEqual(["PHYSICAL_FUNCTION_NEEDED"]);
    world.hostUses = [...world.hostUses, hostUse("0000:01:00.0", addressOn("eth0"))];
    expect(refusals()).toEqual(["PHYSICAL_FUNCTION_NEEDED", "FUNCTION_USED_BY_HOST"]);
  });

  it("a bus that cannot lose what it has is told once, by slot", () => {
    const world = card();
    reach(world, wants([0], { leftovers: "hold" }));
    const seen = world.observe();
    const buses = seen.buses.map((bus) => ({ ...bus, hotplug: { possible: false, reason: "x" } as const }));
    const bus = world.plugged[0]!.bus;
    const plan = (name: string) => () =>
      planAttach({ ...seen, buses }, wants([0, 1], { leftovers: "hold", guestSlot: { bus: name } }), {
        functions: [],
      });
    expect(refusalsOf(plan(bus))).toEqual(["SLOT_REFUSED"]);
    expect(refusalsOf(plan("pci.9"))).toEqual(["SLOT_REFUSED", "SLOT_REFUSED"]);
  });

  it("an older libvirt, whose configuration is not read, does not make a guest transient", () => {
    const world = new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT });
    const plan = () => planAttach(world.observe(), wants(undefined, { persistent: true }));
    expect(refusalsOf(plan)).toEqual(["PERSISTENT_NEEDS_NEWER_LIBVIRT"]);
  });
});

test("a later phase says nothing where an earlier one has refused", () => {
  const world = new World({ functions: hostDevice(), runState: "missing", buses: [] });
  const slot = { bus: "pci.4", slot: 0, kind: "pcie-acpi" } as const;
  const functions = [{ hostAddress: at("0000:01:00.0"), guestFunction: 0 }];
  const entry = { owner: OTHER_OWNER, tag: tagOf(OTHER_OWNER), slot, functions };
  world.ledger.push({ guest: OTHER_GUEST, entry });
  world.hold(at("0000:01:00.0"), "hostdev0", OTHER_GUEST);
  const refusals = () => refusalsOf(() => planAttach(world.observe(), wants()));
  expect(refusals()).toEqual(["GUEST_NOT_FOUND"]);
  world.runState = "running";
  expect(refusals()).toEqual(["ATTACHMENT_OWNED_BY_ANOTHER"]);
  world.ledger = [];
  expect(refusals()).toEqual(["FUNCTION_HELD_BY_GUEST", "NO_FREE_SLOT"]);
});

test("no plan is refused with the same words twice", () => {
  fc.assert(
    fc.property(scenario, ({ world, desired }) => {
      let lines: string[] = [];
      try {
        planAttach(world.observe(), desired);
      } catch (error) {
        lines = (error as Error).message.split("\n");
      }
      expect(new Set(lines).size).toBe(lines.length);
    }),
    { numRuns: 200 },
  );
});
