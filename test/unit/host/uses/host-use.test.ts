import fc from "fast-check";
import {
  findHostUses,
  type HostFacts,
  type DiskFacts,
  type InterfaceFacts,
} from "../../../../provider/host/uses";
import { nothingUsed } from "../../../support/host-facts";

const nic = (name: string, pciAddress?: string, ...lowerInterfaces: string[]): InterfaceFacts => ({
  name,
  isUp: false,
  lowerInterfaces,
  addresses: [],
  routes: [],
  ...(pciAddress !== undefined && { pciAddress }),
});
const upNic = (fields: Partial<InterfaceFacts> = {}): InterfaceFacts => ({
  ...nic("eth0", "0000:01:00.0"),
  isUp: true,
  ...fields,
});
const disk = (
  name: string,
  pciAddress?: string,
  slaves: string[] = [],
  mountPoints: string[] = [],
  more: Partial<DiskFacts> = {},
): DiskFacts => ({
  name,
  slaves,
  mountPoints,
  claims: [],
  ...(pciAddress !== undefined && { pciAddress }),
  ...more,
});
const usesOf = (facts: Partial<HostFacts>): string[] =>
  findHostUses({ ...nothingUsed, ...facts }).map((one) => `${one.hostAddress} ${one.use}`);

describe("what the host cannot do without", () => {
  it("is the interface that carries this SSH connection", () => {
    const facts = { ...nothingUsed, interfaces: [nic("eth0", "0000:01:00.0")], sshInterfaces: ["eth0"] };
    expect(findHostUses(facts)).toEqual([
      {
        hostAddress: "0000:01:00.0",
        use: "carries this SSH connection (interface eth0)",
        isThisConnection: true,
      },
    ]);
  });

  it("is the interface of each default route", () => {
    const interfaces = [
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
      nic("eth2", "0000:01:00.2"),
    ];
    const uses = findHostUses({ ...nothingUsed, interfaces, defaultRouteInterfaces: ["eth0", "eth2"] });
    expect(uses.map((one) => one.hostAddress)).toEqual(["0000:01:00.0", "0000:01:00.2"]);
    expect(uses[0]?.use).toBe("carries the host's default route (interface eth0)");
  });

  it("comes by itself if the host has another, and not as a part", () => {
    const interfaces = [
      nic("br0", undefined, "eth0"),
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
    ];
    const kindsWith = (...defaultRouteInterfaces: string[]): unknown[] =>
      findHostUses({ ...nothingUsed, interfaces, defaultRouteInterfaces })
        .filter((one) => one.use.includes("default route"))
        .map((one) => one.comesByItself);
    expect(kindsWith("eth1")).toEqual([undefined]);
    expect(kindsWith("br0", "eth1")).toEqual([undefined, "route"]);
  });

  it("comes by itself as an address does; bridge ports and mounted disks do not", () => {
    const upper = { ...nic("br0", undefined, "eth0"), kind: "bridge" };
    const card = upNic({ addresses: ["192.0.2.1"], routes: ["192.0.2.0/24"] });
    const uses = findHostUses({ ...nothingUsed, interfaces: [card, upper] });
    expect(uses.map((one) => one.comesByItself)).toEqual(["address", "route", undefined]);
  });

  it("is every port of the bridge that carries it, and no other", () => {
    const interfaces = [
      nic("br0", undefined, "eth0", "vnet3"),
      nic("eth0", "0000:01:00.0"),
      nic("vnet3"),
      nic("eth1", "0000:01:00.1"),
    ];
    expect(findHostUses({ ...nothingUsed, interfaces, defaultRouteInterfaces: ["br0"] })).toEqual([
      {
        hostAddress: "0000:01:00.0",
        use: "carries the host's default route (interface eth0, a part of br0)",
        isThisConnection: false,
      },
    ]);
  });

  it("is the parent of a VLAN", () => {
    const interfaces = [nic("eth0.7", undefined, "eth0"), nic("eth0", "0000:01:00.0")];
    expect(
      findHostUses({ ...nothingUsed, interfaces, sshInterfaces: ["eth0.7"] }).map((o) => o.hostAddress),
    ).toEqual(["0000:01:00.0"]);
  });

  it("is each member of a bond below a VLAN below a bridge", () => {
    const interfaces = [
      nic("br0", undefined, "bond0.7"),
      nic("bond0.7", undefined, "bond0"),
      nic("bond0", undefined, "eth0", "eth1"),
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
      nic("eth2", "0000:01:00.2"),
    ];
    const uses = findHostUses({ ...nothingUsed, interfaces, sshInterfaces: ["br0"] });
    expect(uses.map((one) => one.hostAddress)).toEqual(["0000:01:00.0", "0000:01:00.1"]);
  });

  it("is told without end where interfaces name each other in a circle", () => {
    const interfaces = [nic("a", "0000:01:00.0", "b"), nic("b", "0000:01:00.1", "a")];
    expect(findHostUses({ ...nothingUsed, interfaces, sshInterfaces: ["a"] })).toHaveLength(2);
  });

  it("is the controller of a mounted disk", () => {
    const disks = [disk("vda", "0000:03:00.0", [], ["/"])];
    expect(usesOf({ disks })).toEqual(["0000:03:00.0 has disk vda, which is mounted on /"]);
  });

  it("is the controller of the disk whose partition is mounted", () => {
    const disks = [disk("vda", "0000:03:00.0"), disk("vda1", undefined, ["vda"], ["/boot"])];
    expect(usesOf({ disks })).toEqual(["0000:03:00.0 has disk vda1, which is mounted on /boot"]);
  });

  it("is each controller under a logical volume over partitions of two disks", () => {
    const disks = [
      disk("nvme0n1", "0000:04:00.0"),
      disk("nvme0n1p1", undefined, ["nvme0n1"]),
      disk("nvme1n1", "0000:05:00.0"),
      disk("nvme1n1p1", undefined, ["nvme1n1"]),
      disk("dm-0", undefined, ["nvme0n1p1", "nvme1n1p1"], ["/srv"], { alias: "vg-data", holder: "lvm" }),
      disk("nvme2n1", "0000:06:00.0"),
    ];
    expect(usesOf({ disks }).sort()).toEqual([
      "0000:04:00.0 has disk nvme0n1p1, which is a part of LVM volume vg-data (dm-0)",
      "0000:04:00.0 has disk vg-data (dm-0), which is mounted on /srv",
      "0000:05:00.0 has disk nvme1n1p1, which is a part of LVM volume vg-data (dm-0)",
      "0000:05:00.0 has disk vg-data (dm-0), which is mounted on /srv",
    ]);
  });

  it("is the controller of a swap device, in other words", () => {
    const disks = [disk("sda", "0000:03:00.0"), disk("sda2", undefined, ["sda"], ["[SWAP]"])];
    expect(usesOf({ disks })).toEqual(["0000:03:00.0 has disk sda2, which is used as swap"]);
  });

  it("is nothing where nothing is mounted, routed or connected", () => {
    const disks = [disk("sda", "0000:03:00.0"), disk("sda1", "0000:03:00.0", ["sda"])];
    expect(usesOf({ interfaces: [upNic()], disks })).toEqual([]);
  });
});

describe("what the host uses an interface for", () => {
  const eth0 = "0000:01:00.0 has interface eth0, which";

  it("is its addresses, but not the IPv6 link-local one that whatever is up has", () => {
    const automatic = ["fe80::5054:ff:fe12:3456", "FEBF::1"];
    expect(usesOf({ interfaces: [upNic({ addresses: automatic })] })).toEqual([]);
    const addresses = [...automatic, "192.0.2.1", "2001:db8::1"];
    expect(usesOf({ interfaces: [upNic({ addresses })] })).toEqual([
      `${eth0} is up with address 192.0.2.1, 2001:db8::1`,
    ]);
  });

  it.each(["169.254.7.7", "fec0::1", "fd00::1", "fe00::1", "::ffff:192.0.2.1"])(
    "is address %s too, which nobody has by itself",
    (address) => {
      expect(usesOf({ interfaces: [upNic({ addresses: [address] })] })).toEqual([
        `${eth0} is up with address ${address}`,
      ]);
    },
  );

  it("is its routes, of which three are named", () => {
    const routes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16"];
    expect(usesOf({ interfaces: [upNic({ routes })] })).toEqual([
      `${eth0} is up with a route to 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16 and 2 more`,
    ]);
  });

  it.each([
    ["bridge", "is a port of bridge top"],
    ["bond", "is a port of bond top"],
    ["team", "is a port of team top"],
    ["openvswitch", "is a port of Open vSwitch"],
    ["vrf", "is in VRF top"],
    ["vlan", "carries VLAN top"],
    ["macvlan", "carries macvlan top"],
    ["macvtap", "carries macvtap top"],
    ["ipvlan", "carries ipvlan top"],
    ["vxlan", "carries tunnel top (vxlan)"],
    ["gre", "carries tunnel top (gre)"],
    ["ipip", "carries tunnel top (ipip)"],
    ["batadv", "carries interface top (batadv)"],
    [undefined, "carries interface top"],
  ])("is the %s on it", (kind, words) => {
    const top = { ...nic("top", undefined, "eth0"), ...(kind !== undefined && { kind }) };
    expect(usesOf({ interfaces: [upNic(), top] })).toEqual([`${eth0} ${words}`]);
    expect(usesOf({ interfaces: [nic("eth0", "0000:01:00.0"), top] })).toEqual([]);
  });

  it("is Open vSwitch once, however many internal ports reach it", () => {
    const interfaces = [
      upNic(),
      nic("ovs-system", undefined, "eth0"),
      { ...nic("br-ex", undefined, "eth0"), kind: "openvswitch" },
      { ...nic("br-int", undefined, "eth0"), kind: "openvswitch" },
    ];
    expect(usesOf({ interfaces })).toEqual([`${eth0} is a port of Open vSwitch`]);
  });

  it("are all of them, each by itself, beside this connection and the default route", () => {
    const interfaces = [
      upNic({ addresses: ["192.0.2.1"], routes: ["198.51.100.0/24"] }),
      { ...nic("eth0.5", undefined, "eth0"), kind: "vlan" },
    ];
    expect(usesOf({ interfaces, sshInterfaces: ["eth0"], defaultRouteInterfaces: ["eth0"] })).toEqual([
      "0000:01:00.0 carries this SSH connection (interface eth0)",
      "0000:01:00.0 carries the host's default route (interface eth0)",
      `${eth0} is up with address 192.0.2.1`,
      `${eth0} is up with a route to 198.51.100.0/24`,
      `${eth0} carries VLAN eth0.5`,
    ]);
  });

  it("is what another network namespace does with it", () => {
    expect(usesOf({ functionsWithHiddenInterface: ["0000:01:00.2"] })).toEqual([
      "0000:01:00.2 has a network interface that is in another network namespace",
    ]);
  });
});

describe("virtual functions", () => {
  const physicalFunctions = [
    { pciAddress: "0000:01:00.0", virtualFunctions: ["0000:01:10.0", "0000:01:10.4"] },
    { pciAddress: "0000:01:00.1", virtualFunctions: ["0000:01:10.1"] },
  ];

  it("are a use of the function that they are of", () => {
    expect(usesOf({ physicalFunctions })).toEqual([
      "0000:01:00.0 has 2 virtual functions enabled",
      "0000:01:00.1 has a virtual function enabled",
    ]);
  });

  it("that carry this SSH connection make their physical function carry it, which nobody overrides", () => {
    const facts = { ...nothingUsed, physicalFunctions, sshInterfaces: ["eth0v1"] };
    const uses = findHostUses({ ...facts, interfaces: [nic("eth0v1", "0000:01:10.4")] });
    expect(uses.filter((one) => one.isThisConnection)).toEqual([
      expect.objectContaining({ hostAddress: "0000:01:10.4" }),
      {
        hostAddress: "0000:01:00.0",
        use: "has virtual function 0000:01:10.4, which carries this SSH connection (interface eth0v1)",
        isThisConnection: true,
      },
    ]);
  });
});

describe("what the host uses a disk for", () => {
  const sda = disk("sda", "0000:03:00.0");
  const sda1 = disk("sda1", "0000:03:00.0", ["sda"]);

  it.each([
    ["raid", "RAID md127"],
    ["lvm", "LVM volume vg-x (dm-0)"],
    ["encryption", "encrypted volume vg-x (dm-0)"],
    ["multipath", "multipath device vg-x (dm-0)"],
    ["mapper", "device-mapper device vg-x (dm-0)"],
    ["bcache", "bcache md127"],
    ["drbd", "DRBD device md127"],
    ["loop", "loop device md127"],
    ["other", "block device md127"],
  ] as const)("is the %s that it is a part of, mounted or not", (holder, words) => {
    const isMapped = words.includes("dm-0");
    const top = disk(isMapped ? "dm-0" : "md127", undefined, ["sda1"], [], {
      holder,
      ...(isMapped && { alias: "vg-x" }),
    });
    expect(usesOf({ disks: [sda, sda1, top] })).toEqual([
      `0000:03:00.0 has disk sda1, which is a part of ${words}`,
    ]);
  });

  it("are all the volumes of a group, and what is mounted above them", () => {
    const volumes = [0, 1, 2, 3].map((n) =>
      disk(`dm-${n}`, undefined, ["sda1"], [], { holder: "lvm", alias: `vg-${n}` }),
    );
    const crypt = disk("dm-9", undefined, ["dm-0"], ["/home", "/srv"], {
      holder: "encryption",
      alias: "home",
    });
    expect(usesOf({ disks: [sda, sda1, ...volumes, crypt] })).toEqual([
      "0000:03:00.0 has disk sda1, which is a part of LVM volume vg-0 (dm-0), vg-1 (dm-1), vg-2 (dm-2) and 1 more",
      "0000:03:00.0 has disk home (dm-9), which is mounted on /home, /srv",
    ]);
  });

  it("is no multipath NVMe namespace and no partition, which hold nothing by themselves", () => {
    const disks = [
      disk("nvme0c0n1", "0000:04:00.0"),
      disk("nvme0n1", undefined, ["nvme0c0n1"]),
      disk("nvme0n1p1", undefined, ["nvme0n1"]),
    ];
    expect(usesOf({ disks })).toEqual([]);
    const raid = disk("md0", undefined, ["nvme0n1p1"], [], { holder: "raid" });
    expect(usesOf({ disks: [...disks, raid] })).toEqual([
      "0000:04:00.0 has disk nvme0n1p1, which is a part of RAID md0",
    ]);
  });

  it.each([
    [{ by: "zfs", name: "tank" }, "is a part of ZFS pool tank"],
    [{ by: "zfs" }, "is a part of a ZFS pool"],
    [{ by: "scsi-target", name: "iblock_0/disk1" }, "is exported by SCSI target iblock_0/disk1"],
    [{ by: "nvme-target", name: "nqn.x" }, "is exported by NVMe target nqn.x"],
    [{ by: "filesystem", name: "ext4" }, "is mounted in another mount namespace (ext4)"],
  ] as const)("is what has claimed it: %j", (claim, words) => {
    const part = { ...sda1, claims: [claim] };
    expect(usesOf({ disks: [sda, part] })).toEqual([`0000:03:00.0 has disk sda1, which ${words}`]);
  });

  it("is its mount once, where the login sees it", () => {
    const claims = [{ by: "filesystem", name: "ext4" }] as const;
    expect(usesOf({ disks: [{ ...sda, mountPoints: ["/", "[SWAP]"], claims }] })).toEqual([
      "0000:03:00.0 has disk sda, which is mounted on /",
      "0000:03:00.0 has disk sda, which is used as swap",
    ]);
  });
});

/** Hosts of six interfaces and six disks, in any layers, circles included. */
const names = ["a", "b", "c", "d", "e", "f"];
const address = (name: string): string => `0000:0${names.indexOf(name) + 1}:00.0`;
const someInterface = (name: string): fc.Arbitrary<InterfaceFacts> =>
  fc
    .record({
      isUp: fc.boolean(),
      isPci: fc.boolean(),
      kind: fc.option(fc.constantFrom("bridge", "bond", "vlan", "vxlan", "openvswitch", "veth"), {
        nil: undefined,
      }),
      lowerInterfaces: fc.subarray(names.filter((other) => other !== name)),
      addresses: fc.subarray(["fe80::1", "192.0.2.1", "2001:db8::1"]),
      routes: fc.subarray(["198.51.100.0/24", "2001:db8:1::/48"]),
    })
    .map(({ isPci, kind, ...one }) => ({
      name,
      ...one,
      ...(isPci && { pciAddress: address(name) }),
      ...(kind !== undefined && { kind }),
    }));
const someDisk = (name: string): fc.Arbitrary<DiskFacts> =>
  fc
    .record({
      isPci: fc.boolean(),
      holder: fc.option(fc.constantFrom("raid" as const, "lvm" as const, "loop" as const), {
        nil: undefined,
      }),
      slaves: fc.subarray(names.filter((other) => other !== name)),
      mountPoints: fc.subarray(["/", "[SWAP]"]),
    })
    .map(({ isPci, holder, ...one }) => ({
      name,
      claims: [],
      ...one,
      ...(isPci && { pciAddress: address(name) }),
      ...(holder !== undefined && { holder }),
    }));
const someFacts: fc.Arbitrary<HostFacts> = fc.record({
  interfaces: fc.tuple(...names.map(someInterface)),
  disks: fc.tuple(...names.map(someDisk)),
  defaultRouteInterfaces: fc.subarray(names),
  sshInterfaces: fc.subarray(names),
  functionsWithHiddenInterface: fc.subarray(names.map(address)),
  physicalFunctions: fc
    .subarray(names.map(address))
    .map((all) => all.map((pciAddress) => ({ pciAddress, virtualFunctions: [address("f")] }))),
});

describe("of any host, the uses", () => {
  it("are each of a function that is there, and each named once", () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const uses = usesOf(facts);
        expect(new Set(uses).size).toBe(uses.length);
        for (const use of uses) expect(names.map(address)).toContain(use.split(" ")[0]);
      }),
    );
  });

  it("grow with what is put on an interface, and nothing is hidden by it", () => {
    fc.assert(
      fc.property(someFacts, fc.constantFrom(...names), (facts, name) => {
        const others = facts.interfaces.filter((one) => one.name !== name);
        const one = { ...nic(name, address(name)), isUp: true };
        const before = usesOf({ ...facts, interfaces: [...others, one] });
        const top = { ...nic("top", undefined, name), kind: "vlan" };
        for (const more of [
          [...others, { ...one, addresses: ["198.51.100.1"] }],
          [...others, { ...one, routes: ["203.0.113.0/24"] }],
          [...others, one, top],
        ]) {
          const after = usesOf({ ...facts, interfaces: more });
          expect(after.filter((use) => before.includes(use))).toEqual(before);
          const added = after.filter((use) => !before.includes(use));
          expect(added).toHaveLength(1);
          expect(added[0]).toMatch(new RegExp(`^${address(name)} has interface ${name}, which `));
        }
      }),
    );
  });

  it("are of this connection for every function under its interface, and for no other", () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const under = new Set(facts.sshInterfaces);
        for (let round = 0; round < names.length; round++)
          for (const one of facts.interfaces)
            if (under.has(one.name)) for (const lower of one.lowerInterfaces) under.add(lower);
        const carriers = facts.interfaces.flatMap((one) =>
          under.has(one.name) ? (one.pciAddress ?? []) : [],
        );
        const parents = facts.physicalFunctions
          .filter((one) => one.virtualFunctions.some((vf) => carriers.includes(vf)))
          .map((one) => one.pciAddress);
        const found = findHostUses(facts).filter((one) => one.isThisConnection);
        expect(new Set(found.map((one) => one.hostAddress))).toEqual(new Set([...carriers, ...parents]));
      }),
    );
  });

  it("of a disk reach every function under what is mounted or swapped to", () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const uses = usesOf({ disks: facts.disks });
        for (const top of facts.disks.filter((one) => one.mountPoints.length > 0)) {
          const under = new Set([top.name]);
          for (let round = 0; round < names.length; round++)
            for (const one of facts.disks)
              if (under.has(one.name)) for (const lower of one.slaves) under.add(lower);
          for (const one of facts.disks)
            if (under.has(one.name) && one.pciAddress !== undefined)
              expect(
                uses.filter((use) => use.startsWith(`${one.pciAddress} has disk ${top.name}, `)),
              ).not.toEqual([]);
        }
      }),
    );
  });
});
