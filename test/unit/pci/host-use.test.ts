import { findHostUses, type HostSurvey } from "../../../provider/pci";

const nothing: HostSurvey = {
  interfaces: [],
  defaultRouteInterfaces: [],
  sshInterfaces: [],
  disks: [],
};
const nic = (name: string, pciAddress?: string, ...lowerInterfaces: string[]) => ({
  name,
  lowerInterfaces,
  ...(pciAddress !== undefined && { pciAddress }),
});
const disk = (name: string, pciAddress?: string, slaves: string[] = [], mountPoints: string[] = []) => ({
  name,
  slaves,
  mountPoints,
  ...(pciAddress !== undefined && { pciAddress }),
});

describe("what the host cannot do without", () => {
  it("is the interface that carries this SSH connection", () => {
    const survey = { ...nothing, interfaces: [nic("eth0", "0000:01:00.0")], sshInterfaces: ["eth0"] };
    expect(findHostUses(survey)).toEqual([
      { address: "0000:01:00.0", use: "carries this SSH connection (interface eth0)" },
    ]);
  });

  it("is the interface of each default route", () => {
    const interfaces = [
      nic("eth0", "0000:01:00.0"),
      nic("eth1", "0000:01:00.1"),
      nic("eth2", "0000:01:00.2"),
    ];
    const uses = findHostUses({ ...nothing, interfaces, defaultRouteInterfaces: ["eth0", "eth2"] });
    expect(uses.map((one) => one.address)).toEqual(["0000:01:00.0", "0000:01:00.2"]);
    expect(uses[0]?.use).toBe("carries the host's default route (interface eth0)");
  });

  it("is every port of the bridge that carries it, and no other", () => {
    const interfaces = [
      nic("br0", undefined, "eth0", "vnet3"),
      nic("eth0", "0000:01:00.0"),
      nic("vnet3"),
      nic("eth1", "0000:01:00.1"),
    ];
    expect(findHostUses({ ...nothing, interfaces, defaultRouteInterfaces: ["br0"] })).toEqual([
      { address: "0000:01:00.0", use: "carries the host's default route (interface eth0, a part of br0)" },
    ]);
  });

  it("is the parent of a VLAN", () => {
    const interfaces = [nic("eth0.7", undefined, "eth0"), nic("eth0", "0000:01:00.0")];
    expect(findHostUses({ ...nothing, interfaces, sshInterfaces: ["eth0.7"] }).map((o) => o.address)).toEqual(
      ["0000:01:00.0"],
    );
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
    const uses = findHostUses({ ...nothing, interfaces, sshInterfaces: ["br0"] });
    expect(uses.map((one) => one.address)).toEqual(["0000:01:00.0", "0000:01:00.1"]);
  });

  it("is told without end where interfaces name each other in a circle", () => {
    const interfaces = [nic("a", "0000:01:00.0", "b"), nic("b", "0000:01:00.1", "a")];
    expect(findHostUses({ ...nothing, interfaces, sshInterfaces: ["a"] })).toHaveLength(2);
  });

  it("is the controller of a mounted disk", () => {
    const disks = [disk("vda", "0000:03:00.0", [], ["/"])];
    expect(findHostUses({ ...nothing, disks })).toEqual([
      { address: "0000:03:00.0", use: "has disk vda, which is mounted on /" },
    ]);
  });

  it("is the controller of the disk whose partition is mounted", () => {
    const disks = [disk("vda", "0000:03:00.0"), disk("vda1", undefined, ["vda"], ["/boot"])];
    expect(findHostUses({ ...nothing, disks })).toEqual([
      { address: "0000:03:00.0", use: "has disk vda1, which is mounted on /boot" },
    ]);
  });

  it("is each controller under a logical volume over partitions of two disks", () => {
    const disks = [
      disk("nvme0n1", "0000:04:00.0"),
      disk("nvme0n1p1", undefined, ["nvme0n1"]),
      disk("nvme1n1", "0000:05:00.0"),
      disk("nvme1n1p1", undefined, ["nvme1n1"]),
      disk("dm-0", undefined, ["nvme0n1p1", "nvme1n1p1"], ["/srv"]),
      disk("nvme2n1", "0000:06:00.0"),
    ];
    const uses = findHostUses({ ...nothing, disks });
    expect(uses.map((one) => one.address)).toEqual(["0000:04:00.0", "0000:05:00.0"]);
    expect(uses[0]?.use).toContain("dm-0, which is mounted on /srv");
  });

  it("is the controller of a swap device, in other words", () => {
    const disks = [disk("sda", "0000:03:00.0"), disk("sda2", undefined, ["sda"], ["[SWAP]"])];
    expect(findHostUses({ ...nothing, disks })).toEqual([
      { address: "0000:03:00.0", use: "has disk sda2, which is used as swap" },
    ]);
  });

  it("is nothing where nothing is mounted, routed or connected", () => {
    const survey: HostSurvey = {
      interfaces: [nic("eth0", "0000:01:00.0")],
      defaultRouteInterfaces: [],
      sshInterfaces: [],
      disks: [disk("sda", "0000:03:00.0")],
    };
    expect(findHostUses(survey)).toEqual([]);
  });
});
