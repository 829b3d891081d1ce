import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findHostNotes, findHostUses } from "../../../../provider/host/uses";
import { parseHostFacts, type HostFacts } from "../../../../provider/host/facts/host-facts";

/**
 * Recorded by the helper program on Debian 13 (kernel 6.12, iproute2 6.15, bash 5.2) in the lab's
 * hypervisor; `-stacked` with a bond of a dummy, a VLAN on it in a bridge with routes of its own, swap on a
 * loop device and a mount with a blank in its name. Both have the lists of routes that are asked for where
 * there are too many of them, as far as that was asked then. `-namespace` on Debian 12 (kernel 6.18,
 * iproute2 6.1) in a network namespace with pairs of veth, a bridge and a VXLAN; its records of the network.
 */
const recorded = (name: string): HostFacts => {
  const text = readFileSync(join(__dirname, "fixtures", `${name}.txt`), "utf8");
  return parseHostFacts(text.trimEnd().split("\n"));
};

describe("the survey of a plain host", () => {
  const facts = recorded("survey-debian13");

  it("finds the PCI function of every interface and its addresses", () => {
    const found = facts.interfaces.map(({ name, hostAddress, addresses }) => [name, hostAddress, addresses]);
    expect(found).toContainEqual(["enp0s2", "0000:00:02.0", ["10.0.2.15"]]);
    expect(found).toContainEqual(["enp1s0f3", "0000:01:00.3", []]);
    expect(found).toContainEqual(["lo", undefined, ["127.0.0.1", "::1"]]);
    expect(found).toHaveLength(10);
  });

  it("finds those that are up; only the host's own has a use", () => {
    const up = facts.interfaces.filter((one) => one.isUp).map((one) => one.name);
    expect(up.sort()).toEqual(["enp0s2", "lo"]);
    const addresses = findHostUses(facts).map((one) => one.hostAddress);
    expect([...new Set(addresses)].sort()).toEqual(["0000:00:02.0", "0000:00:03.0"]);
  });

  it("finds the interface of the default route and of this connection", () => {
    expect(facts.defaultRouteInterfaces).toEqual(["enp0s2"]);
    expect(facts.sshInterfaces).toEqual(["enp0s2"]);
  });

  it("finds the PCI function of the root disk", () => {
    expect(facts.disks).toContainEqual({
      name: "vda",
      hostAddress: "0000:00:03.0",
      slaves: [],
      mountPoints: ["/"],
      claims: [],
    });
  });
});

describe("the survey of a host with stacked devices", () => {
  const facts = recorded("survey-debian13-stacked");
  const lowerOf = (name: string) => facts.interfaces.find((one) => one.name === name)?.lowerInterfaces;
  const mountsOf = (name: string) => facts.disks.find((one) => one.name === name)?.mountPoints;

  it("leads from a bridge over its VLAN and bond to the port", () => {
    expect(lowerOf("br7")).toEqual(["bond7.5"]);
    expect(lowerOf("bond7.5")).toEqual(["bond7"]);
    expect(lowerOf("bond7")).toEqual(["dummy7"]);
    expect(lowerOf("dummy7")).toEqual([]);
    const kinds = facts.interfaces.map(({ name, kind }) => [name, kind]);
    expect(kinds).toEqual(
      expect.arrayContaining([
        ["br7", "bridge"],
        ["bond7.5", "vlan"],
        ["bond7", "bond"],
        ["enp1s0f0", undefined],
      ]),
    );
  });

  it("finds default routes in every table and family, but none that leads nowhere", () => {
    expect([...facts.defaultRouteInterfaces].sort()).toEqual(["br7", "enp0s2"]);
  });

  it("finds swap, and mount points with blanks", () => {
    expect(mountsOf("loop5")).toEqual(["[SWAP]"]);
    expect(mountsOf("loop6")).toEqual(["/mnt/with space"]);
  });
});

describe("the survey of a network namespace", () => {
  const facts = recorded("survey-debian12-namespace");
  const interfaceOf = (name: string) => facts.interfaces.find((one) => one.name === name);

  it("keeps routes that somebody made, and none that the kernel makes", () => {
    expect(interfaceOf("way0")?.routes).toEqual(["203.0.113.0/24", "2001:db8:7::/48"]);
    for (const name of ["idle0", "addr0", "port0", "under0", "cable0", "lo", "br0"])
      expect(interfaceOf(name)).toMatchObject({ name, routes: [] });
    expect(facts.defaultRouteInterfaces).toEqual(["cable0"]);
  });

  it("takes neither end of a pair for a carrier, but bridges and tunnels", () => {
    const layers = facts.interfaces.filter((one) => one.lowerInterfaces.length > 0);
    expect(layers.map(({ name, kind, lowerInterfaces }) => [name, kind, lowerInterfaces])).toEqual([
      ["br0", "bridge", ["port0"]],
      ["vx0", "vxlan", ["under0"]],
    ]);
  });

  it("finds both families of addresses, and the connection's interface by address and by route", () => {
    expect(interfaceOf("addr0")?.addresses).toEqual(
      expect.arrayContaining(["192.0.2.17", "2001:db8::1", expect.stringMatching(/^fe80:/)]),
    );
    expect(facts.sshInterfaces).toEqual(["cable0"]);
  });

  it("finds the function whose interface is not in it", () => {
    const away = parseHostFacts(["ssh 192.0.2.9 1 192.0.2.1 22", "ip []", "ip []", "away 0000:00:03.0"]);
    expect(away.functionsWithHiddenInterface).toEqual(["0000:00:03.0"]);
    expect(facts.functionsWithHiddenInterface).toEqual([]);
  });
});

/** What no lab at hand has: written by hand, in the records' form. */
describe("the survey of hosts with other storage and networks", () => {
  const ssh = "ssh 192.0.2.9 50000 192.0.2.1 22";
  const base = [ssh, "ip []", "ip []"];
  /** An interface that is up, and one that has the connection. */
  const up = `ip ${JSON.stringify([
    { ifname: "eth0", flags: ["UP"] },
    { ifname: "lo", link_type: "loopback", addr_info: [{ local: "192.0.2.1" }] },
  ])}`;
  const block = (name: string, slaves = "") => `blk ${name} - 0 ${slaves} /sys/devices/virtual/block/${name}`;
  const disk = (facts: HostFacts, name: string) => facts.disks.find((one) => one.name === name);

  it("leads from LVM over a partition to the disk, below btrfs too", () => {
    const facts = parseHostFacts([
      ...base,
      "blk sda 8:0 0  /sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda",
      "blk sda3 8:3 1  /sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda3",
      "blk dm-0 253:0 0 sda3 /sys/devices/virtual/block/dm-0",
      "dm dm-0 vg-root LVM-abc",
      "blk sdb 8:16 0  /sys/devices/pci0000:00/0000:00:18.0/ata2/host1/target1:0:0/1:0:0:0/block/sdb",
      "btrfs dm-0 sdb",
      "mnt 29 1 0:40 / / rw shared:1 - btrfs /dev/mapper/vg-root rw",
    ]);
    expect(disk(facts, "sda3")).toMatchObject({ slaves: ["sda"], hostAddress: "0000:00:17.0" });
    expect(disk(facts, "dm-0")).toEqual({
      name: "dm-0",
      alias: "vg-root",
      holder: "lvm",
      slaves: ["sda3"],
      mountPoints: ["/"],
      claims: [{ by: "filesystem", name: "btrfs" }],
    });
    expect(disk(facts, "sdb")).toMatchObject({ mountPoints: ["/"] });
  });

  it("leads from a multipath NVMe namespace to its controllers", () => {
    const facts = parseHostFacts([
      ...base,
      "blk nvme0n1 259:1 0  /sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1",
      "blk nvme0n1p1 259:2 1  /sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1",
      "blk nvme0c1n1 - 0  /sys/devices/pci0000:80/0000:80:01.0/0000:81:00.0/nvme/nvme1/nvme0c1n1",
      "blk nvme10n1 259:3 0  /sys/devices/pci0000:80/0000:80:03.0/0000:83:00.0/nvme/nvme10/nvme10n1",
      "mnt 29 1 259:2 / /boot rw - ext4 /dev/nvme0n1p1 rw",
    ]);
    expect(disk(facts, "nvme0n1p1")).toMatchObject({ slaves: ["nvme0n1"], mountPoints: ["/boot"] });
    expect(disk(facts, "nvme0n1")).toMatchObject({ slaves: ["nvme0c1n1"] });
    expect(disk(facts, "nvme0c1n1")).toMatchObject({ hostAddress: "0000:81:00.0" });
    expect(disk(facts, "nvme10n1")).toMatchObject({ slaves: [], hostAddress: "0000:83:00.0" });
  });

  it("takes the last PCI function on the path, in any domain, above USB", () => {
    const facts = parseHostFacts([
      ...base,
      "net usb0  /sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/usb0",
      "net vmd0  /sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/net/vmd0",
    ]);
    expect(facts.interfaces.map(({ hostAddress }) => hostAddress)).toEqual(["0000:00:14.0", "10000:e1:00.0"]);
  });

  it("takes every port of Open vSwitch for one that an internal port runs on", () => {
    const addresses = [
      { ifname: "ovs-system", linkinfo: { info_kind: "openvswitch" } },
      { ifname: "eth0", master: "ovs-system" },
      {
        ifname: "br-ex",
        master: "ovs-system",
        linkinfo: { info_kind: "openvswitch" },
        addr_info: [{ local: "192.0.2.1" }],
      },
    ];
    const facts = parseHostFacts([
      "ssh 192.0.2.9 50000 192.0.2.1 22",
      "net br-ex  /sys/devices/virtual/net/br-ex",
      "net eth0  /sys/devices/pci0000:00/0000:00:03.0/net/eth0",
      "net ovs-system  /sys/devices/virtual/net/ovs-system",
      `ip ${JSON.stringify(addresses)}`,
      "ip []",
    ]);
    expect(facts.sshInterfaces).toEqual(["br-ex"]);
    expect(findHostUses(facts)).toContainEqual({
      kind: "this-connection",
      hostAddress: "0000:00:03.0",
      device: "eth0",
      via: "br-ex",
      isThisConnection: true,
    });
  });

  it("reads the hops of a multipath route, and the scope of a link-local connection", () => {
    const route = [{ type: "unicast", dst: "default", nexthops: [{ dev: "eth0" }, { dev: "eth1" }] }];
    const facts = parseHostFacts([
      "ssh fe80::9%eth2 50000 fe80::1%eth2 22",
      "ip []",
      `ip ${JSON.stringify(route)}`,
    ]);
    expect(facts.defaultRouteInterfaces).toEqual(["eth0", "eth1"]);
    expect(facts.sshInterfaces).toEqual(["eth2"]);
  });

  it("tells the routes that are a use by type, maker and destination", () => {
    const routes = [
      { type: "unicast", dst: "192.0.2.0/24", dev: "eth0", protocol: "kernel" },
      { type: "unicast", dst: "fe80::/64", dev: "eth0", protocol: "kernel" },
      { type: "unicast", dst: "ff00::/8", dev: "eth0", protocol: "boot" },
      { type: "multicast", dst: "ff00::/8", dev: "eth0", protocol: "kernel" },
      { type: "local", dst: "192.0.2.1", dev: "eth0", protocol: "kernel" },
      { type: "blackhole", dst: "198.51.100.0/24", dev: "eth0", protocol: "static" },
      { type: "unicast", dst: "0.0.0.0/1", dev: "eth1", protocol: "static" },
      { type: "unicast", dst: "default", dev: "eth2", protocol: "kernel" },
      { type: "unicast", dst: "203.0.113.0/24", dev: "eth0", protocol: "bird" },
      { dst: "203.0.113.0/24", dev: "eth0", protocol: "static" },
      { dst: "2001:db8::/32", protocol: "static", nexthops: [{ dev: "eth0" }, { dev: "eth1" }] },
    ];
    const facts = parseHostFacts([
      ssh,
      ...["eth0", "eth1", "eth2"].map((name) => `net ${name}  /sys/devices/virtual/net/${name}`),
      "ip []",
      `ip ${JSON.stringify(routes)}`,
    ]);
    expect(facts.interfaces.map((one) => one.routes)).toEqual([
      ["203.0.113.0/24", "2001:db8::/32"],
      ["2001:db8::/32"],
      [],
    ]);
    expect(facts.defaultRouteInterfaces).toEqual(["eth1", "eth2"]);
  });

  it("finds a link's parent, but none across namespaces and no other end", () => {
    const links = [
      { ifname: "eth0.5", link: "eth0", linkinfo: { info_kind: "vlan" } },
      { ifname: "macvtap0", link: "eth0", linkinfo: { info_kind: "macvtap" } },
      { ifname: "gre1", link: "eth0", linkinfo: { info_kind: "gre" } },
      { ifname: "gre0", link: null, linkinfo: { info_kind: "gre" } },
      { ifname: "vx1", linkinfo: { info_kind: "vxlan", info_data: { id: 1, link: "eth0" } } },
      { ifname: "vlan9", link: "eth0", link_netnsid: 0, linkinfo: { info_kind: "vlan" } },
      { ifname: "veth1", link: "eth0", linkinfo: { info_kind: "veth" } },
    ];
    const facts = parseHostFacts([
      ssh,
      ...links.map(({ ifname }) => `net ${ifname}  /sys/devices/virtual/net/${ifname}`),
      `ip ${JSON.stringify(links)}`,
      "ip []",
    ]);
    const children = facts.interfaces.filter((one) => one.lowerInterfaces.includes("eth0"));
    expect(children.map((one) => one.name)).toEqual(["eth0.5", "macvtap0", "gre1", "vx1"]);
    expect(facts.interfaces.find((one) => one.name === "gre0")?.lowerInterfaces).toEqual([]);
  });

  it("tells from name or UUID what a device makes of others, mounted or not", () => {
    const facts = parseHostFacts([
      ...base,
      block("md127", "sda"),
      block("md_home", "sda"),
      block("dm-0", "sdb"),
      "dm dm-0 vg-data LVM-0123abcd",
      block("dm-1", "sdc"),
      "dm dm-1 luks CRYPT-LUKS2-0123-luks",
      block("dm-2", "sdd sde"),
      "dm dm-2 mpatha mpath-3600",
      block("dm-3", "sdf"),
      "dm dm-3 other ",
      block("dm-4", "sdg"),
      "dm dm-4 isw_x DMRAID-isw_x",
      block("bcache0", "sdh"),
      block("drbd0", "sdi"),
      block("loop0"),
      "loop loop0 /dev/sdj",
      block("loop1"),
      block("stacked0", "sdk"),
    ]);
    expect(facts.disks.map(({ name, holder, slaves }) => [name, holder, slaves])).toEqual([
      ["md127", "raid", ["sda"]],
      ["md_home", "raid", ["sda"]],
      ["dm-0", "lvm", ["sdb"]],
      ["dm-1", "encryption", ["sdc"]],
      ["dm-2", "multipath", ["sdd", "sde"]],
      ["dm-3", "mapper", ["sdf"]],
      ["dm-4", "raid", ["sdg"]],
      ["bcache0", "bcache", ["sdh"]],
      ["drbd0", "drbd", ["sdi"]],
      ["loop0", "loop", ["sdj"]],
      ["loop1", undefined, []],
      ["stacked0", "other", ["sdk"]],
    ]);
  });

  it("takes a partition of a RAID for no holder of it", () => {
    const facts = parseHostFacts([
      ...base,
      block("md0", "sda"),
      "blk md0p1 259:1 1  /sys/devices/virtual/block/md0/md0p1",
    ]);
    expect(disk(facts, "md0p1")).toEqual({ name: "md0p1", slaves: ["md0"], mountPoints: [], claims: [] });
  });

  it("finds each disk of file systems on several: bcachefs, and XFS", () => {
    const facts = parseHostFacts([
      ...base,
      ...["sda", "sdb", "sdc", "sdd", "sde"].map((name) => block(name)),
      "mnt 29 1 0:40 / /pool rw - bcachefs /dev/sda:/dev/sdb rw",
      "mnt 30 1 8:32 / /srv rw - xfs /dev/sdc rw,attr2,logdev=/dev/sdd,rtdev=/dev/sde,noquota",
    ]);
    const places = facts.disks.map(({ name, mountPoints }) => [name, mountPoints]);
    expect(places).toEqual([
      ["sda", ["/pool"]],
      ["sdb", ["/pool"]],
      ["sdc", ["/srv"]],
      ["sdd", ["/srv"]],
      ["sde", ["/srv"]],
    ]);
  });

  it("takes a ZFS member for one if imported, or by ZFS's own word", () => {
    const facts = parseHostFacts([
      ...base,
      ...["sda1", "sdb1", "sdc1"].map((name) => block(name)),
      "pool tank",
      "pool with blank",
      "member sda1 with blank",
      "member sdb1 of-another-host",
      "claim sda1 zfs",
      "claim sdc1 zfs",
    ]);
    expect(facts.disks.map(({ claims }) => claims)).toEqual([
      [{ by: "zfs", name: "with blank" }],
      [],
      [{ by: "zfs" }],
    ]);
  });

  it("finds disks that are exported, and those that are mounted in whichever namespace", () => {
    const facts = parseHostFacts([
      ...base,
      ...["sda", "sdb", "sdc"].map((name) => block(name)),
      "claim sda target target/core/iblock_0/disk1/udev_path",
      "claim sda target nvmet/subsystems/nqn.2014-08.org:x/namespaces/1/device_path",
      "claim sdb filesystem xfs",
      "btrfs sdb sdc",
    ]);
    expect(facts.disks.map(({ claims }) => claims)).toEqual([
      [
        { by: "scsi-target", name: "iblock_0/disk1" },
        { by: "nvme-target", name: "nqn.2014-08.org:x" },
      ],
      [
        { by: "filesystem", name: "btrfs" },
        { by: "filesystem", name: "xfs" },
      ],
      [{ by: "filesystem", name: "btrfs" }],
    ]);
  });

  it("finds virtual functions by the function that they are of", () => {
    const facts = parseHostFacts([...base, "vf 0000:01:00.0 2 0000:01:10.0 0000:01:10.4"]);
    expect(facts.physicalFunctions).toEqual([
      { hostAddress: "0000:01:00.0", virtualFunctions: ["0000:01:10.0", "0000:01:10.4"] },
    ]);
  });

  it("does without a route to the client", () => {
    expect(parseHostFacts(base).sshInterfaces).toEqual([]);
  });

  const card = "net eth0  /sys/devices/pci0000:00/0000:01:00.0/net/eth0";
  const notOn = (facts: HostFacts) => ({
    uses: findHostUses(facts).map((one) => `${one.hostAddress} ${one.kind}`),
    notes: findHostNotes(facts).map((one) => (one.kind === "unread" ? one.part : one.kind)),
  });

  it.each<[string, string[], string[], string[]]>([
    [
      "ip that printed nothing",
      ["ssh 192.0.2.9 1 192.0.2.1 22", "ip ", card],
      ["possible-carrier", "unread-routes", "unread-interface"],
      ["connection", "interfaces", "routes"],
    ],
    ["ip that was not asked for routes", [ssh, up, card], ["unread-routes"], ["routes"]],
    [
      "ip that printed no list",
      [ssh, "ip {}", "ip []", card],
      ["possible-carrier", "unread-interface"],
      ["connection", "interfaces"],
    ],
    ["no address of the connection", ["ssh ", up, "ip []", card], ["possible-carrier"], ["connection"]],
    [
      "virtual functions without number",
      [ssh, up, "ip []", card, "vf 0000:01:00.0"],
      ["unread-function"],
      ["record"],
    ],
    [
      "a claim of an unknown kind",
      [
        ssh,
        up,
        "ip []",
        "blk sda 8:0 0 /sys/devices/pci0000:00/0000:01:00.0/block/sda",
        "claim sda somebody",
      ],
      ["disk-claim"],
      ["record"],
    ],
    [
      "a target at an unknown place",
      [
        ssh,
        up,
        "ip []",
        "blk sda 8:0 0 /sys/devices/pci0000:00/0000:01:00.0/block/sda",
        "claim sda target elsewhere/disk1",
      ],
      ["disk-claim"],
      ["record"],
    ],
    ["a mapped device without name", [ssh, up, "ip []", card, "dm dm-0"], [], ["record"]],
    [
      "a disk without name",
      [ssh, up, "ip []", "blk /sys/devices/pci0000:00/0000:01:00.0/x"],
      ["unread-function"],
      ["record"],
    ],
  ])("counts as a use, and names, what cannot be read of %s", (_what, lines, uses, notes) => {
    const found = notOn(parseHostFacts([...lines, "net lo  /sys/devices/virtual/net/lo"]));
    expect([...new Set(found.uses)].sort()).toEqual(uses.map((kind) => `0000:01:00.0 ${kind}`).sort());
    expect([...new Set(found.notes)].sort()).toEqual([...notes].sort());
  });

  it("refuses a cut record, for it does not tell what it is of", () => {
    expect(() => parseHostFacts([...base, "blk sda"])).toThrow(/unreadable record "sda"/);
  });
});
