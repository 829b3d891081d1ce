import { causeText, type ErrorCode } from "../../../provider/errors";
import type { PciSlotAddress } from "../../../provider/pci";
import { planAttach, planDetach, tagOf, type DesiredAttachment } from "../../../provider/plan";
import { OLDER_LIBVIRT, OTHER_OWNER, OWNER, refusalOf, refusals } from "../../support/scenarios";
import {
  addressOn,
  at,
  hostUse,
  mountOf,
  outline,
  reach,
  sshUse,
  virtualFunctions,
  vlanOn,
  wants,
} from "../../support/desired";
import {
  conventionalBus,
  expressBus,
  hostDevice,
  hostFunction,
  OTHER_GUEST,
  OWN_GUEST,
  World,
} from "../../support/world";

function withBridgeOn(driver: string, kernelRelease: string | undefined): World {
  const bridge = hostFunction("0000:00:1c.0", { driver, isBridge: true });
  const world = new World({ functions: [...hostDevice("0000:01:00", [0]), bridge] });
  world.kernelRelease = kernelRelease;
  return world;
}

const SWITCHED_OFF = {
  by: "QEMU",
  state: "shutdown",
  meaning: "was switched off",
  cure: "End that QEMU.",
  unplug: "stays",
} as const;

const card = (): World => new World({ functions: hostDevice() });

/** The attachment was unplugged behind its back, and someone has plugged one of its functions elsewhere. */
function pluggedByHand(): World {
  const world = card();
  reach(world, wants());
  world.plugged = [
    { qemuId: "by-hand", hostAddress: at("0000:01:00.1"), bus: "pci.2", slot: 0, guestFunction: 0 },
  ];
  return world;
}

interface Case {
  readonly name: string;
  readonly code: ErrorCode;
  readonly world: () => World;
  readonly desired?: DesiredAttachment;
  /** What the error must name. */
  readonly says: readonly (string | RegExp)[];
}

const iommuGroup = hostDevice()[0]!.iommuGroup!;

/** A guest of 4 GiB whose QEMU runs as a user. */
function confined(change: object): World {
  const world = new World({ functions: hostDevice(), memoryBytes: 4 * 1024 ** 3 });
  world.qemuLimits = { pid: 4711, user: "vm", closedNodes: [], ...change };
  return world;
}

/** A host whose list lacks these functions. */
function listing(...unlisted: readonly string[]): World {
  const world = new World({ functions: hostDevice() });
  const of = { target: "vm@hv1:22", account: "vm", socket: "/run/vm.qmp" };
  world.hostList = { ...of, unlisted: new Set(unlisted.map(at)) };
  return world;
}

const cases: readonly Case[] = [
  {
    name: "a QEMU that may not open the node of a group",
    code: "GROUP_NODE_CLOSED",
    world: () => confined({ closedNodes: [{ iommuGroup, path: "/dev/vfio/5", owner: "root" }] }),
    says: ["process 4711, user vm", "Nothing was touched", "chown vm /dev/vfio/5", 'OWNER="vm"'],
  },
  {
    name: "a QEMU that could not open a node that is not there yet",
    code: "GROUP_NODE_CLOSED",
    world: () => confined({ closedNodes: [{ iommuGroup, path: "/dev/vfio/5" }] }),
    says: ["will be root's when it appears", "udev/rules.d"],
  },
  {
    name: "a QEMU that may lock less than VFIO pins",
    code: "MEMLOCK_TOO_LOW",
    world: () => confined({ lockedMemoryBytes: 4.5 * 1024 ** 3, unit: "vm100.service" }),
    says: [
      "may lock 4608 MiB",
      "4096 MiB",
      "Nothing was touched",
      "prlimit --pid 4711 --memlock=5368709120:5368709120",
      "LimitMEMLOCK=5368709120 in [Service] of vm100.service",
    ],
  },
  {
    name: "a device that the host's list does not have",
    code: "HOST_RULES_MISSING",
    world: () => listing("0000:01:00.0", "0000:01:00.1", "0000:02:00.0"),
    says: [
      "vm@hv1:22 does not allow this",
      "no line for 0000:01:00.0, 0000:01:00.1",
      "install -o root -g root -m 755 multifunction-pci-host /usr/local/sbin/",
      "'socket /run/vm.qmp' 'device 0000:01:00' 'change vm' >> /etc/multifunction-pci-host.conf",
      "docs/security.md",
    ],
  },
  {
    name: "a guest that the host does not have",
    code: "GUEST_NOT_FOUND",
    world: () => new World({ functions: hostDevice(), runState: "missing" }),
    says: ["guest1", "virsh list --all"],
  },
  {
    name: "a guest that is shut off",
    code: "GUEST_NOT_RUNNING",
    world: () => new World({ functions: hostDevice(), runState: "off" }),
    says: ["guest1"],
  },
  {
    name: "a guest that was started paused and has never run",
    code: "GUEST_NEVER_RAN",
    world: () => new World({ functions: hostDevice(), runState: "prelaunch" }),
    says: ["guest1", "Nothing was touched"],
  },
  {
    name: "a guest that was switched off, and whose QEMU was kept",
    code: "GUEST_HALTED",
    world: () => new World({ functions: hostDevice(), runState: SWITCHED_OFF }),
    says: ["guest1", "was switched off", 'QEMU says "shutdown"', "Nothing was touched", "End that QEMU."],
  },
  {
    name: "a transient guest, where the attachment is to be persistent",
    code: "GUEST_IS_TRANSIENT",
    world: () => {
      const world = card();
      world.isTransient = true;
      return world;
    },
    desired: wants(undefined, { persistent: true }),
    says: ["guest1", "virsh define", "Nothing was touched"],
  },
  {
    name: "a guest that is shut off, where another guest's configuration has a function of it",
    code: "FUNCTION_CONFIGURED_ELSEWHERE",
    world: () => {
      const world = new World({ functions: hostDevice(), runState: "off" });
      world.configuredElsewhere = [
        { guest: OTHER_GUEST, hostAddress: at("0000:01:00.1"), alias: "" },
        { guest: OTHER_GUEST, hostAddress: at("0000:01:00.2"), alias: "ua-theirs" },
      ];
      return world;
    },
    desired: wants(undefined, { persistent: true }),
    says: ["guest1", "0000:01:00.1, 0000:01:00.2 (ua-theirs)", "guest2", "Nothing was touched"],
  },
  {
    name: "a function that the guest's configuration has by another device, where it is to be persistent",
    code: "FUNCTION_CONFIGURED_OTHERWISE",
    world: () => {
      const world = card();
      world.configured = [
        { hostAddress: at("0000:01:00.1"), alias: "" },
        { hostAddress: at("0000:01:00.2"), alias: "ua-mine" },
      ];
      return world;
    },
    desired: wants(undefined, { persistent: true }),
    says: ["0000:01:00.1, 0000:01:00.2 (ua-mine)", "guest1", "detach-device --config", "Nothing was touched"],
  },
  {
    name: "a persistent attachment where libvirt is older",
    code: "PERSISTENT_NEEDS_NEWER_LIBVIRT",
    world: () => new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT }),
    desired: wants(undefined, { persistent: true }),
    says: ["guest1", "7.0.0", "8.3.0", "Nothing was touched"],
  },
  {
    name: "a set where libvirt is older, and no second slot is free",
    code: "STEPPING_STONE_IMPOSSIBLE",
    world: () =>
      new World({ functions: hostDevice(), olderLibvirt: OLDER_LIBVIRT, buses: [expressBus("pci.4")] }),
    says: ["guest1", "7.0.0", "no second free hotplug slot", "pcie-root-port", "Nothing was touched"],
  },
  {
    name: "a device that is not there",
    code: "DEVICE_NOT_FOUND",
    world: () => new World({ functions: hostDevice("0000:02:00") }),
    says: ["0000:01:00", "lspci -D"],
  },
  {
    name: "a function that the device does not have",
    code: "FUNCTION_NOT_FOUND",
    world: card,
    desired: wants([0, 1, 2, 3, 5]),
    says: ["0000:01:00.5", "0000:01:00.0, 0000:01:00.1, 0000:01:00.2, 0000:01:00.3"],
  },
  {
    name: "functions of a device that is not there",
    code: "FUNCTION_NOT_FOUND",
    world: () => new World({ functions: hostDevice("0000:02:00") }),
    desired: wants([0]),
    says: ["0000:01:00.0", "nothing is in that slot"],
  },
  {
    name: "a bridge",
    code: "FUNCTION_IS_BRIDGE",
    world: () =>
      new World({ functions: [hostFunction("0000:01:00.0", { isBridge: true, driver: "pcieport" })] }),
    says: ["0000:01:00.0"],
  },
  {
    name: "a group with a bridge on a driver that keeps it",
    code: "GROUP_BRIDGE_IN_USE",
    world: () => withBridgeOn("shpchp", "6.12.48-amd64"),
    desired: wants([0]),
    says: ["0000:00:1c.0 (shpchp)", "Linux 6.12.48-amd64", "drivers/shpchp/unbind", "Nothing was touched"],
  },
  {
    name: "Intel VMD in the group, also where leftovers may be held",
    code: "LEFTOVER_NOT_HELD",
    world: () =>
      new World({
        functions: [
          ...hostDevice("0000:01:00", [0]),
          hostFunction("0000:01:05.5", { driver: "vmd", iommuGroup }),
        ],
      }),
    desired: wants([0], { leftovers: "hold", allowInUse: true }),
    says: ["0000:01:05.5 (vmd)", "disks", "Nothing was touched", "firmware"],
  },
  {
    name: "a disk behind Intel VMD, in a domain that QEMU does not take",
    code: "DOMAIN_NOT_ADDRESSABLE",
    world: () => new World({ functions: [hostFunction("10000:e1:00.0", { driver: "nvme" })] }),
    desired: wants(undefined, {
      selection: { by: "device", device: "10000:e1:00" as PciSlotAddress },
      leftovers: "hold",
    }),
    says: ["10000:e1:00.0", "four digits", "VMD", "lspci -D"],
  },
  {
    name: "a physical function whose virtual function another guest has",
    code: "PHYSICAL_FUNCTION_NEEDED",
    world: () => {
      const world = new World({
        functions: [...hostDevice("0000:01:00", [0]), hostFunction("0000:01:10.0", { iommuGroup: 11 })],
      });
      world.hold(at("0000:01:10.0"), "hostdev0", OTHER_GUEST);
      world.hostUses = [hostUse("0000:01:00.0", virtualFunctions("0000:01:10.0"))];
      return world;
    },
    desired: wants(undefined, { allowInUse: true }),
    says: ["0000:01:00.0", "0000:01:10.0", "guest2", "Nothing was touched"],
  },
  {
    name: "a function without IOMMU group",
    code: "FUNCTION_WITHOUT_IOMMU_GROUP",
    world: () => new World({ functions: hostDevice("0000:01:00", [0], { iommuGroup: undefined }) }),
    says: ["0000:01:00.0", "intel_iommu=on"],
  },
  {
    name: "leftover functions with a host driver, each with its driver",
    code: "LEFTOVERS_REFUSED",
    world: () =>
      new World({
        functions: [
          ...hostDevice("0000:01:00", [0, 1]),
          ...hostDevice("0000:01:00", [2, 3], { driver: "tg3" }),
        ],
      }),
    desired: wants([0]),
    says: ["0000:01:00.1 (e1000e)", "0000:01:00.2 (tg3)", "0000:01:00.3 (tg3)", "group 7", '"hold"'],
  },
  {
    name: "a function that another guest has",
    code: "FUNCTION_HELD_BY_GUEST",
    world: () => {
      const world = card();
      world.hold(at("0000:01:00.2"), "hostdev0", OTHER_GUEST);
      return world;
    },
    says: ["0000:01:00.2", "guest2", "hostdev0"],
  },
  {
    name: "a leftover that another guest has, though it may be held",
    code: "FUNCTION_HELD_BY_GUEST",
    world: () => {
      const world = card();
      world.hold(at("0000:01:00.3"), "hostdev0", OTHER_GUEST);
      return world;
    },
    desired: wants([0, 1], { leftovers: "hold" }),
    says: ["0000:01:00.3", "guest2"],
  },
  {
    name: "a function that this guest has by other means",
    code: "FUNCTION_HELD_BY_GUEST",
    world: () => {
      const world = card();
      world.hold(at("0000:01:00.0"), "hostdev0", OWN_GUEST);
      return world;
    },
    says: ["0000:01:00.0", "guest1", "hostdev0"],
  },
  {
    name: "a function of its own that someone has plugged by hand, under another id",
    code: "FUNCTION_PLUGGED_OTHERWISE",
    world: pluggedByHand,
    says: ["0000:01:00.1 (by-hand in pci.2 slot 0)", "guest1", "Nothing was touched", "device_del"],
  },
  {
    name: "a change that gives functions back, where QEMU has one of which it does not tell which it is",
    code: "FUNCTION_UNIDENTIFIED",
    world: () => {
      const functions = [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
      const world = new World({ functions });
      reach(world, wants());
      world.plugged = [];
      world.unidentified = ["by-hand"];
      return world;
    },
    desired: wants([0]),
    says: ["0000:01:00.1 cannot go back", "guest1", "by-hand", "device_del"],
  },
  {
    name: "a function that carries the SSH connection",
    code: "FUNCTION_USED_BY_HOST",
    world: () => {
      const world = card();
      world.hostUses = [sshUse("0000:01:00.1")];
      return world;
    },
    says: [
      "0000:01:00.1 (e1000e) carries this SSH connection (interface eth1)",
      "Nothing was touched",
      "never taken",
    ],
  },
  {
    name: "a function that carries the SSH connection, though what is in use may be taken",
    code: "FUNCTION_USED_BY_HOST",
    world: () => {
      const world = card();
      const virtual = virtualFunctions("0000:01:10.0", "0000:01:10.4");
      world.hostUses = [hostUse("0000:01:00.0", virtual), sshUse("0000:01:00.1")];
      return world;
    },
    desired: wants(undefined, { allowInUse: true }),
    says: [/taken from it: 0000:01:00\.1 \(e1000e\) carries this SSH connection/, "never taken"],
  },
  {
    name: "functions that the host uses for several things, all of them named",
    code: "FUNCTION_USED_BY_HOST",
    world: () => {
      const world = card();
      world.hostUses = [
        hostUse("0000:01:00.2", addressOn("eth2")),
        hostUse("0000:01:00.2", vlanOn("eth2", "eth2.5")),
        hostUse("0000:01:00.3", virtualFunctions("0000:01:10.0", "0000:01:10.4")),
      ];
      return world;
    },
    says: [
      "0000:01:00.2 (e1000e) has interface eth2, which is up with address 192.0.2.1, and has interface eth2, which carries VLAN eth2.5; 0000:01:00.3 (e1000e) has 2 virtual functions enabled",
      "set allowInUse to true",
    ],
  },
  {
    name: "a change of what a guest has, through which this SSH connection goes",
    code: "CONNECTION_THROUGH_GUEST",
    world: () => {
      const world = card();
      reach(world, wants([0, 1], { leftovers: "hold" }));
      world.wayThroughGuest = { certainty: "sure", interfaces: ["vnet3"] };
      return world;
    },
    desired: wants([0, 1, 2, 3], { adopt: true }),
    says: ["guest1 (vnet3)", "Nothing was touched", "connection.proxy", "set allowDisconnect to true"],
  },
  {
    name: "a leftover that has the host's disk",
    code: "FUNCTION_USED_BY_HOST",
    world: () => {
      const world = card();
      world.hostUses = [hostUse("0000:01:00.3", mountOf("sda"))];
      return world;
    },
    desired: wants([0], { leftovers: "hold" }),
    says: ["0000:01:00.3", "mounted on /"],
  },
  {
    name: "functions that another owner has attached",
    code: "ATTACHMENT_OWNED_BY_ANOTHER",
    world: () => {
      const world = card();
      reach(world, wants([0, 1, 2, 3], { ownerToken: OTHER_OWNER }));
      return world;
    },
    desired: wants([0, 1], { leftovers: "hold" }),
    says: [OTHER_OWNER, "0000:01:00.0, 0000:01:00.1", "guest1", "alias", "adopt to true"],
  },
  {
    name: "functions that another owner has attached to another guest, even for adoption",
    code: "ATTACHMENT_OWNED_BY_ANOTHER",
    world: () => {
      const world = card();
      const slot = { bus: "pci.4", slot: 0, kind: "pcie-acpi" } as const;
      const functions = [{ hostAddress: at("0000:01:00.0"), guestFunction: 0 }];
      const entry = { owner: OTHER_OWNER, tag: tagOf(OTHER_OWNER), slot, functions };
      world.ledger.push({ guest: OTHER_GUEST, entry });
      return world;
    },
    desired: wants(undefined, { adopt: true }),
    says: [OTHER_OWNER, "guest2", "Destroy that attachment first"],
  },
  {
    name: "another owner's functions, for adoption by an owner that has devices of its own",
    code: "ATTACHMENT_OWNED_BY_ANOTHER",
    world: () => {
      const world = new World({
        functions: [...hostDevice(), ...hostDevice("0000:02:00", [0], { iommuGroup: 8 })],
      });
      const selection = { by: "device", device: "0000:02:00" as PciSlotAddress } as const;
      reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
      reach(world, wants(undefined, { selection }));
      return world;
    },
    desired: wants(undefined, { adopt: true }),
    says: [OTHER_OWNER, "Destroy that attachment first"],
  },
  {
    name: "what was this owner's and has been adopted by another",
    code: "ATTACHMENT_ADOPTED_BY_ANOTHER",
    world: () => {
      const world = new World({
        functions: [...hostDevice(), ...hostDevice("0000:02:00", [0], { iommuGroup: 8 })],
      });
      reach(world, wants());
      reach(world, wants(undefined, { ownerToken: OTHER_OWNER, adopt: true }));
      return world;
    },
    desired: wants(undefined, { selection: { by: "device", device: "0000:02:00" as PciSlotAddress } }),
    says: [OTHER_OWNER, "guest1", "Nothing was touched"],
  },
  {
    name: "a guest without a free slot, with what stands in each",
    code: "NO_FREE_SLOT",
    world: () =>
      new World({
        functions: hostDevice(),
        buses: [
          expressBus("pci.1", "pcie-acpi", { occupants: [{ slot: 0, guestFunction: 0, id: "usb" }] }),
          expressBus("pci.2", "pcie-acpi", { reservedSlots: [0] }),
          expressBus("pci.3", "pcie-acpi", {
            hotplug: { possible: false, reason: "its port has hotplug='off'" },
          }),
        ],
      }),
    says: ["pci.1: usb", "pci.2: reserved by libvirt", "pci.3: its port has hotplug='off'"],
  },
  {
    name: "a guest without any hotplug bus",
    code: "NO_FREE_SLOT",
    world: () => new World({ functions: hostDevice(), buses: [] }),
    says: ["it has no hotplug bus"],
  },
  {
    name: "a standing set that is to be persistent, whose slot is another's at the next boot",
    code: "SLOT_CONFIGURED_OTHERWISE",
    world: () => {
      const world = card();
      reach(world, wants());
      world.reserveAtBoot({ "pci.4": 0 });
      return world;
    },
    desired: wants(undefined, { persistent: true }),
    says: ["pci.4", "guest1", "another device at its next boot", "guestSlot", "Nothing was touched"],
  },
  {
    name: "a bus that the guest does not have",
    code: "SLOT_REFUSED",
    world: card,
    desired: wants(undefined, { guestSlot: { bus: "pci.9" } }),
    says: ["pci.9", "no such bus", "pci.2, pci.3, pci.4"],
  },
  {
    name: "a bus that takes no hotplug",
    code: "SLOT_REFUSED",
    world: () =>
      new World({
        functions: hostDevice(),
        buses: [expressBus("pci.5", "pcie-native", { hotplug: { possible: false, reason: "SHPC" } })],
      }),
    desired: wants(undefined, { guestSlot: { bus: "pci.5" } }),
    says: ["pci.5", "SHPC"],
  },
  {
    name: "slot 1 behind a root port, where QEMU would take it and no guest ever see it",
    code: "SLOT_REFUSED",
    world: card,
    desired: wants(undefined, { guestSlot: { bus: "pci.4", slot: 1 } }),
    says: ["pci.4 slot 1", "slots 0 to 0"],
  },
  {
    name: "slot 0 of a conventional bus",
    code: "SLOT_REFUSED",
    world: () => new World({ functions: hostDevice(), buses: [conventionalBus("pci.0")] }),
    desired: wants(undefined, { guestSlot: { bus: "pci.0", slot: 0 } }),
    says: ["pci.0 slot 0", "slots 1 to 31"],
  },
  {
    name: "a slot where another device stands",
    code: "SLOT_REFUSED",
    world: () =>
      new World({
        functions: hostDevice(),
        buses: [expressBus("pci.5", "pcie-acpi", { occupants: [{ slot: 0, guestFunction: 3, id: "net0" }] })],
      }),
    desired: wants(undefined, { guestSlot: { bus: "pci.5", slot: 0 } }),
    says: ["pci.5 slot 0", "net0"],
  },
];

test("a confined QEMU that may do what is needed is no reason to refuse", () => {
  const enough = confined({
    lockedMemoryBytes: 5 * 1024 ** 3,
    closedNodes: [{ iommuGroup: 99, path: "/dev/vfio/99" }],
  });
  expect(planAttach(enough.observe(), wants()).steps).not.toEqual([]);
});

describe("a plan is refused, before anything is touched, for", () => {
  it.each(cases)("$name: $code", ({ code, world, desired, says }) => {
    const observation = world().observe();
    let message = "nothing was thrown";
    const found = refusalOf(() => {
      try {
        planAttach(observation, desired ?? wants());
      } catch (error) {
        message = causeText(error);
        throw error;
      }
    });
    expect(`${found}: ${message}`).toContain(code);
    expect(found).toBe(code);
    for (const part of says)
      expect(message).toMatch(part instanceof RegExp ? part : new RegExp(escape(part)));
  });

  it("each reason of the catalogue has a case above", () => {
    expect([...new Set(cases.map((one) => one.code))].sort()).toEqual([...refusals].sort());
  });

  it("a detach of what someone plugged by hand: a release would block libvirt", () => {
    expect(refusalOf(() => planDetach(pluggedByHand().observe(), OWNER))).toBe("FUNCTION_PLUGGED_OTHERWISE");
  });

  it("a detach if QEMU has an unidentified function, before the guest loses anything", () => {
    const world = card();
    reach(world, wants([0, 2], { leftovers: "hold" }));
    world.unidentified = ["by-hand"];
    // of those that are held alone, it may be any
    expect(() => planDetach(world.observe(), OWNER)).toThrow(/0000:01:00\.1, 0000:01:00\.3 cannot go back/);
    expect(refusalOf(() => planDetach(world.observe(), OWNER))).toBe("FUNCTION_UNIDENTIFIED");
    expect(planAttach(world.observe(), wants([0, 2], { leftovers: "hold" })).steps).toEqual([]);
    world.stopGuest();
    expect(planDetach(world.observe(), OWNER).steps).toEqual([]);
  });

  it("no detach of what QEMU has under ids that tell, whatever else it has", () => {
    const world = card();
    reach(world, wants());
    world.unidentified = ["by-hand"];
    expect(outline(planDetach(world.observe(), OWNER))).toContain("release 0000:01:00.0");
  });

  it("an unplug in a guest that never ran: it would block the slot", () => {
    const world = card();
    reach(world, wants());
    world.runState = "prelaunch";
    expect(refusalOf(() => planDetach(world.observe(), OWNER))).toBe("GUEST_NEVER_RAN");
  });

  it("an unplug from a guest whose machine is another process's", () => {
    const world = card();
    reach(world, wants());
    world.runState = { ...SWITCHED_OFF, state: "inmigrate", unplug: "refused" };
    expect(refusalOf(() => planDetach(world.observe(), OWNER))).toBe("GUEST_HALTED");
  });

  it.each(["stays", "waits"] as const)(
    "no unplug that QEMU keeps (%s), for it may be done at once",
    (unplug) => {
      const world = card();
      reach(world, wants());
      world.runState = { ...SWITCHED_OFF, unplug };
      expect(outline(planDetach(world.observe(), OWNER))[0]).toMatch(/^unplug /);
    },
  );

  it("no release of what a halted guest has held, and not plugged", () => {
    const world = card();
    reach(world, wants());
    world.plugged = [];
    world.runState = { ...SWITCHED_OFF, unplug: "refused" };
    expect(outline(planDetach(world.observe(), OWNER))).toContain("release 0000:01:00.0");
  });

  it("an unplug from a bus that is not what it was any more", () => {
    const world = card();
    reach(world, wants());
    const { buses, ...rest } = world.observe();
    const closed = buses.map((bus) => ({ ...bus, hotplug: { possible: false, reason: "changed" } as const }));
    expect(refusalOf(() => planDetach({ ...rest, buses: closed }, OWNER))).toBe("SLOT_REFUSED");
    expect(refusalOf(() => planDetach({ ...rest, buses: [] }, OWNER))).toBe("SLOT_REFUSED");
  });
});

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

test("a process that has the group open is named, and not the guest", () => {
  const world = card();
  reach(world, wants());
  const seen = world.observe();
  const { incarnation, functions } = seen.ledger[0]!.entry;
  const prior = { functions, ...(incarnation !== undefined && { incarnation }) };
  const process = {
    guest: { name: "of process 77 (dpdk)", uuid: "" },
    hostAddress: at("0000:01:00.0"),
    alias: "VFIO group 7",
    isUnassigned: false,
  };
  const observation = { ...seen, holdings: [...seen.holdings, process] };
  expect(() => planAttach(observation, wants([0, 1], { leftovers: "hold" }), prior)).toThrow(
    /0000:01:00\.0 is in use by guest of process 77 \(dpdk\) .*\[FUNCTION_HELD_BY_GUEST\]/,
  );
});
