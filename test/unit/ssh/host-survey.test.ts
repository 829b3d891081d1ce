import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHostSurvey, type HostSurvey } from "../../../provider/ssh/host-survey";

/**
 * Recorded by the helper program on Debian 13 (kernel 6.12, iproute2 6.15, bash 5.2) in the lab's
 * hypervisor; `-stacked` with a bond of a dummy, a VLAN on it in a bridge with routes of its own, swap on a
 * loop device and a mount with a blank in its name.
 */
const recorded = (name: string): HostSurvey => {
  const text = readFileSync(join(__dirname, "fixtures", `${name}.txt`), "utf8");
  return parseHostSurvey(text.trimEnd().split("\n"));
};

describe("the survey of a plain host", () => {
  const survey = recorded("survey-debian13");

  it("finds the PCI function of every interface and its addresses", () => {
    const found = survey.interfaces.map(({ name, pciAddress, addresses }) => [name, pciAddress, addresses]);
    expect(found).toContainEqual(["enp0s2", "0000:00:02.0", ["10.0.2.15"]]);
    expect(found).toContainEqual(["enp1s0f3", "0000:01:00.3", []]);
    expect(found).toContainEqual(["lo", undefined, ["127.0.0.1", "::1"]]);
    expect(found).toHaveLength(10);
  });

  it("finds the interface of the default route and of this connection", () => {
    expect(survey.defaultRouteInterfaces).toEqual(["enp0s2"]);
    expect(survey.sshInterfaces).toEqual(["enp0s2"]);
  });

  it("finds the PCI function of the root disk", () => {
    expect(survey.disks).toContainEqual({
      name: "vda",
      pciAddress: "0000:00:03.0",
      slaves: [],
      mountPoints: ["/"],
    });
  });
});

describe("the survey of a host with stacked devices", () => {
  const survey = recorded("survey-debian13-stacked");
  const lowerOf = (name: string) => survey.interfaces.find((one) => one.name === name)?.lowerInterfaces;
  const mountsOf = (name: string) => survey.disks.find((one) => one.name === name)?.mountPoints;

  it("leads from a bridge over its VLAN and bond to the port", () => {
    expect(lowerOf("br7")).toEqual(["bond7.5"]);
    expect(lowerOf("bond7.5")).toEqual(["bond7"]);
    expect(lowerOf("bond7")).toEqual(["dummy7"]);
    expect(lowerOf("dummy7")).toEqual([]);
  });

  it("finds default routes in every table and family, but none that leads nowhere", () => {
    expect([...survey.defaultRouteInterfaces].sort()).toEqual(["br7", "enp0s2"]);
  });

  it("finds swap, and mount points with blanks", () => {
    expect(mountsOf("loop5")).toEqual(["[SWAP]"]);
    expect(mountsOf("loop6")).toEqual(["/mnt/with space"]);
  });
});

/** What no lab at hand has: written by hand, in the records' form. */
describe("the survey of hosts with other storage and networks", () => {
  const emptyRoutes = ["ip []", "ip []", "ip []", "ip []", "ip []"];
  const base = ["ssh 192.0.2.9 50000 192.0.2.1 22", "ip []", ...emptyRoutes];
  const disk = (survey: HostSurvey, name: string) => survey.disks.find((one) => one.name === name);

  it("leads from LVM over a partition to the disk, also where btrfs lies on it", () => {
    const survey = parseHostSurvey([
      ...base,
      "blk sda 8:0 0  /sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda",
      "blk sda3 8:3 1  /sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda3",
      "blk dm-0 253:0 0 sda3 /sys/devices/virtual/block/dm-0",
      "dm dm-0 vg-root",
      "blk sdb 8:16 0  /sys/devices/pci0000:00/0000:00:18.0/ata2/host1/target1:0:0/1:0:0:0/block/sdb",
      "btrfs dm-0 sdb",
      "mnt 29 1 0:40 / / rw shared:1 - btrfs /dev/mapper/vg-root rw",
    ]);
    expect(disk(survey, "sda3")).toMatchObject({ slaves: ["sda"], pciAddress: "0000:00:17.0" });
    expect(disk(survey, "dm-0")).toEqual({ name: "dm-0", slaves: ["sda3"], mountPoints: ["/"] });
    expect(disk(survey, "sdb")).toMatchObject({ mountPoints: ["/"] });
  });

  it("leads from a multipath NVMe namespace to its controllers", () => {
    const survey = parseHostSurvey([
      ...base,
      "blk nvme0n1 259:1 0  /sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1",
      "blk nvme0n1p1 259:2 1  /sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1",
      "blk nvme0c1n1 - 0  /sys/devices/pci0000:80/0000:80:01.0/0000:81:00.0/nvme/nvme1/nvme0c1n1",
      "blk nvme10n1 259:3 0  /sys/devices/pci0000:80/0000:80:03.0/0000:83:00.0/nvme/nvme10/nvme10n1",
      "mnt 29 1 259:2 / /boot rw - ext4 /dev/nvme0n1p1 rw",
    ]);
    expect(disk(survey, "nvme0n1p1")).toMatchObject({ slaves: ["nvme0n1"], mountPoints: ["/boot"] });
    expect(disk(survey, "nvme0n1")).toMatchObject({ slaves: ["nvme0c1n1"] });
    expect(disk(survey, "nvme0c1n1")).toMatchObject({ pciAddress: "0000:81:00.0" });
    expect(disk(survey, "nvme10n1")).toMatchObject({ slaves: [], pciAddress: "0000:83:00.0" });
  });

  it("takes the last PCI function on the path, below bridges, in any domain, above USB", () => {
    const survey = parseHostSurvey([
      ...base,
      "net usb0  /sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/usb0",
      "net vmd0  /sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/net/vmd0",
    ]);
    expect(survey.interfaces.map(({ pciAddress }) => pciAddress)).toEqual(["0000:00:14.0", "10000:e1:00.0"]);
  });

  it("takes every port of Open vSwitch for one that an internal port runs on", () => {
    const addresses = [
      { ifname: "ovs-system" },
      { ifname: "eth0", master: "ovs-system" },
      {
        ifname: "br-ex",
        master: "ovs-system",
        linkinfo: { info_kind: "openvswitch" },
        addr_info: [{ local: "192.0.2.1" }],
      },
    ];
    const survey = parseHostSurvey([
      "ssh 192.0.2.9 50000 192.0.2.1 22",
      "net br-ex  /sys/devices/virtual/net/br-ex",
      `ip ${JSON.stringify(addresses)}`,
      ...emptyRoutes,
    ]);
    expect(survey.interfaces[0]?.lowerInterfaces).toEqual(["eth0"]);
    expect(survey.sshInterfaces).toEqual(["br-ex"]);
  });

  it("reads the hops of a multipath route, and the scope of a link-local connection", () => {
    const route = [{ type: "unicast", nexthops: [{ dev: "eth0" }, { dev: "eth1" }] }];
    const survey = parseHostSurvey([
      "ssh fe80::9%eth2 50000 fe80::1%eth2 22",
      "ip []",
      `ip ${JSON.stringify(route)}`,
      ...emptyRoutes.slice(1),
    ]);
    expect(survey.defaultRouteInterfaces).toEqual(["eth0", "eth1"]);
    expect(survey.sshInterfaces).toEqual(["eth2"]);
  });

  it("does without a route to the client", () => {
    expect(parseHostSurvey(base).sshInterfaces).toEqual([]);
  });

  it.each([
    ["a cut record", [...base, "blk sda"]],
    ["ip that printed nothing", ["ssh 192.0.2.9 1 192.0.2.1 22", "ip "]],
    ["ip that printed too little", ["ssh 192.0.2.9 1 192.0.2.1 22", "ip []", "ip []"]],
    ["no address of the connection", ["ssh ", "ip []", ...emptyRoutes]],
  ])("refuses %s instead of finding nothing to protect", (_what, lines) => {
    expect(() => parseHostSurvey(lines)).toThrow();
  });
});
