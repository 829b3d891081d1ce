import fc from "fast-check";
import type { HostDisk, HostFacts, HostInterface } from "../../../../provider/host/facts";
import { findHostUses } from "../../../../provider/host/uses";
import type { PciAddress } from "../../../../provider/pci";
import { describeHostUse } from "../../../../provider/plan";
import { nothingUsed } from "../../../support/host-facts";
import { disk, nic, upNic, usesOf } from "./support/facts";

describe("what the host cannot do without", () => {
  it("is the interface that carries this SSH connection", () => {
    const facts = { ...nothingUsed, interfaces: [nic("eth0", "0000:01:00.0")], sshInterfaces: ["eth0"] };
    expect(findHostUses(facts)).toEqual([
      {
        kind: "this-connection",
        hostAddress: "0000:01:00.0",
        device: "eth0",
        isThisConnection: true,
      },
    ]);
    expect(usesOf(facts)).toEqual(["0000:01:00.0 carries this SSH connection (interface eth0)"]);
  });

  it("is the interface of each default route", () => {
    const interfaces = [
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
      nic("eth2", "0000:01:00.2"),
    ];
    const uses = findHostUses({ ...nothingUsed, interfaces, defaultRouteInterfaces: ["eth0", "eth2"] });
    expect(uses.map((one) => one.hostAddress)).toEqual(["0000:01:00.0", "0000:01:00.2"]);
    expect(describeHostUse(uses[0]!)).toBe("carries the host's default route (interface eth0)");
  });

  it("comes by itself if the host has another, and not as a part", () => {
    const interfaces = [
      nic("br0", undefined, "eth0"),
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
    ];
    const kindsWith = (...defaultRouteInterfaces: string[]): unknown[] =>
      findHostUses({ ...nothingUsed, interfaces, defaultRouteInterfaces })
        .filter((one) => one.kind === "default-route")
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
        kind: "default-route",
        hostAddress: "0000:01:00.0",
        device: "eth0",
        via: "br0",
        isThisConnection: false,
      },
    ]);
    expect(usesOf({ interfaces, defaultRouteInterfaces: ["br0"] })).toEqual([
      "0000:01:00.0 carries the host's default route (interface eth0, a part of br0)",
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

/** Hosts of six interfaces and six disks, in any layers, circles included. */
const names = ["a", "b", "c", "d", "e", "f"];
const address = (name: string): PciAddress => `0000:0${names.indexOf(name) + 1}:00.0` as PciAddress;
const someInterface = (name: string): fc.Arbitrary<HostInterface> =>
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
      ...(isPci && { hostAddress: address(name) }),
      ...(kind !== undefined && { kind }),
    }));
const someDisk = (name: string): fc.Arbitrary<HostDisk> =>
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
      ...(isPci && { hostAddress: address(name) }),
      ...(holder !== undefined && { holder }),
    }));
const someFacts: fc.Arbitrary<HostFacts> = fc.record({
  interfaces: fc.tuple(...names.map(someInterface)),
  disks: fc.tuple(...names.map(someDisk)),
  beneath: fc.constant([]),
  defaultRouteInterfaces: fc.subarray(names),
  sshInterfaces: fc.subarray(names),
  functionsWithHiddenInterface: fc.subarray(names.map(address)),
  physicalFunctions: fc
    .subarray(names.map(address))
    .map((all) => all.map((hostAddress) => ({ hostAddress, virtualFunctions: [address("f")] }))),
  unreadFunctions: fc.constant([]),
  unread: fc.constant([]),
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
          under.has(one.name) ? (one.hostAddress ?? []) : [],
        );
        const parents = facts.physicalFunctions
          .filter((one) => one.virtualFunctions.some((vf) => carriers.includes(vf)))
          .map((one) => one.hostAddress);
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
            if (under.has(one.name) && one.hostAddress !== undefined)
              expect(
                uses.filter((use) => use.startsWith(`${one.hostAddress} has disk ${top.name}, `)),
              ).not.toEqual([]);
        }
      }),
    );
  });
});
