import { findBeneath, findHostDevices } from "../../../../provider/host/facts";
import { findHostUses } from "../../../../provider/host/uses";
import { parseHostFacts } from "../../../../provider/host/facts/host-facts";
import { ANSWER_LIMITS } from "../../../../provider/host/facts/fact-records";
import { parsePciListing } from "../../../../provider/host/facts/pci-listing";
import { expectProcessorSeconds } from "../../../support/processor-time";

/** While an answer is read, the connections to all hosts stand still. */
const LIMIT_SECONDS = 0.3;

const some = (count: number, make: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(n));
const pad = (n: number): string => n.toString(16).padStart(4, "0");
/** As many functions as are asked for, each on a bus of its own. */
const path = (n: number): string => `/sys/devices/pci0000:00/${pad(n)}:00:00.0/x`;
const deepPath = (n: number, depth: number): string =>
  `/sys/devices/${some(depth, (m) => `${pad((n + m * 7) % 65_536)}:00:00.0`).join("/")}/x`;
const longName = (n: number): string => `${"n".repeat(240)}${n}`;
const ssh = "ssh 10.0.0.1 1 10.0.0.2 22";
const noNetwork = [ssh, "ip []", "ip []"];
const listOf = (count: number, make: (n: number) => unknown): string =>
  `ip ${JSON.stringify(Array.from({ length: count }, (_, n) => make(n)))}`;
/** Routes of these interfaces, each a default route. */
const defaults = (names: readonly string[]): string =>
  `ip ${JSON.stringify(names.map((dev) => ({ dst: "default", dev })))}`;

/** So many values under as many names as are taken. */
const objectOf = (count: number): string => `{${some(count, (n) => `"k${n % 990}":0`).join(",")}}`;

/** Records that cost most, a section each: fewer than the limits allow is what the others leave. */
const sections: Readonly<Record<string, (count: number) => string[]>> = {
  "a chain of interfaces, each with a default route": (count) => [
    ssh,
    listOf(count, (n) => ({ ifname: `i${n}`, flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] })),
    defaults(some(count, (n) => `i${n}`)),
    ...some(count, (n) => `net i${n} i${n + 1} ${path(n)}`),
  ],
  "interfaces that lie on each other in every way": (count) => [
    ssh,
    listOf(count, (n) => ({ ifname: `i${n}`, flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] })),
    defaults(some(count, (n) => `i${n}`)),
    ...some(count, (n) => `net i${n} ${some(3, (m) => `i${(n * 7 + m * 13) % count}`).join(" ")} ${path(n)}`),
  ],
  "long names on one port": (count) => [
    ssh,
    listOf(Math.min(count, 2_000), (n) => ({
      ifname: longName(n),
      linkinfo: { info_kind: "k".repeat(250) },
    })),
    defaults(some(Math.min(count, 2_000), longName)),
    ...some(Math.min(count, 2_000), (n) => `net ${longName(n)} eth0 ${path(n)}`),
    `net eth0 ${path(9)}`,
  ],
  "ports of an Open vSwitch": (count) => [
    ssh,
    listOf(count, (n) => ({
      ifname: `i${n}`,
      flags: ["UP"],
      master: "ovs-system",
      linkinfo: { info_kind: "openvswitch" },
      addr_info: [{ local: "10.0.0.2" }],
    })),
    "ip []",
    ...some(count, (n) => `net i${n} ${path(n)}`),
  ],
  "a chain of disks, each mounted": (count) => [
    ...noNetwork,
    ...some(count, (n) => `blk d${n} 8:${n} 0 d${n + 1} ${path(n)}`),
    ...some(count, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
  ],
  "disks in a circle, each a part of the next": (count) => [
    ...noNetwork,
    ...some(
      count,
      (n) => `blk d${n} 8:${n} 1 ${some(1, (m) => `d${(n * 5 + m * 11) % count}`).join(" ")} ${path(n)}`,
    ),
    ...some(count, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
  ],
  "mapped devices with long names": (count) => [
    ...noNetwork,
    ...some(count, (n) => `blk d${n} 8:${n} 0 d${n + 1} ${path(n)}`),
    ...some(Math.min(count, 4_000), (n) => `dm d${n} ${longName(n)} LVM-x`),
  ],
  "claims on one disk": (count) => [
    ...noNetwork,
    `blk d0 8:0 0 ${path(0)}`,
    ...some(count, (n) => `claim d0 target target/core/iblock_${n}/x/udev_path`),
    ...some(count - 10, () => `claim d0 zfs`),
  ],
  "members of pools": (count) => [
    ...noNetwork,
    ...some(count, (n) => `blk d${n} 8:${n} 0 ${path(n)}`),
    "pool tank",
    ...some(count - 10, () => "member d0 tank"),
  ],
  "NVMe namespaces and paths": (count) => [
    ...noNetwork,
    ...some(count / 2, (n) => `blk nvme${n}n1 1:${n} 0 ${path(n)}`),
    ...some(count / 2, (n) => `blk nvme${n % 10}c${n}n1 2:${n} 0 ${path(n)}`),
  ],
  "a btrfs on many disks, mounted in many places with long names": (count) => [
    ...noNetwork,
    ...some(count / 2, (n) => `blk d${n} 8:${n} 0 ${path(n)}`),
    `btrfs ${some(count / 2, (n) => `d${n}`).join(" ")}`,
    ...some(16, (n) => `mnt 1 1 0:1 / /${"m".repeat(4_000)}${n} rw - btrfs /dev/d1 rw`),
  ],
  "mounts of the kernel's longest names": (count) => [
    ...noNetwork,
    ...some(900, (n) => `blk d${n} 8:${n} 0 ${path(n)}`),
    ...some(
      Math.min(count, 900),
      (n) => `mnt 1 1 8:${n} / ${"\\040".repeat(1_000)} rw - x ${":/dev/d".repeat(50)} rw`,
    ),
  ],
  "interfaces and disks behind as many functions as are taken": (count) => [
    ssh,
    listOf(count, (n) => ({ ifname: `i${n}`, flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] })),
    defaults(some(count, (n) => `i${n}`)),
    ...some(count, (n) => `net i${n} i${n + 1} ${deepPath(n, 4)}`),
    ...some(count, (n) => `blk d${n} 8:${n} 0 d${n + 1} ${deepPath(n, 4)}`),
    ...some(count, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
  ],
  "a disk behind more functions than there are": () => [...noNetwork, `blk d0 8:0 0 ${deepPath(0, 300_000)}`],
  "devices of other kinds behind as many functions as are taken": (count) => [
    ...noNetwork,
    ...some(Math.min(count, 1_300), (n) => `sub mdev m${n} - ${deepPath(n, 16)} ${"x".repeat(200)}`),
    "looked display",
    "more display 9",
    `among ${some(5_000, (n) => `${pad(n)}:00:00.0`).join(" ")}`,
  ],
  "consoles and framebuffers": (count) => [
    ...noNetwork,
    ...some(count, (n) => `sub display fb${n} lit ${path(n)} ${"\u0001".repeat(200)}`),
    ...some(count, () => "vt (M) frame buffer device"),
    ...some(64, (n) => `kfd ${n} x`),
    ...some(512, (n) => `gpu ${n} ${n} 256`),
  ],
  "physical functions": (count) => [
    ssh,
    listOf(1, () => ({ ifname: "i0", flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] })),
    "ip []",
    ...some(count / 2, () => `net i0 ${path(0)}`),
    ...some(count / 2, (n) => `vf ${pad(n)}:00:00.1 9 0000:00:00.0 0000:00:00.0`),
  ],
  routes: () => [
    ssh,
    "ip []",
    listOf(10_000, (n) => ({ dst: `10.${n}`, dev: "i0", nexthops: [{ dev: "i1" }] })),
  ],
  "values of JSON": () => [ssh, `ip [{"ifname":"i0","flags":[${"{},".repeat(70_000)}{}]}]`, "ip []"],
  "levels of JSON": () => [ssh, `ip [{"a":${"[".repeat(145_000)}${"]".repeat(145_000)}}]`, "ip []"],
  "names of JSON": () => [ssh, `ip [${objectOf(145_000)}]`, "ip []"],
  "names of JSON, in each object others": () => [
    ssh,
    `ip [{"ifname":"i0","flags":[${some(18_000, (n) => `{${some(7, (m) => `"k${(n * 7 + m * m * 31) % 990}":0`).join(",")}}`).join(",")}]}]`,
    "ip []",
  ],
  "JSON that has to be put right, and does not become JSON": () => [
    ssh,
    `ip [{"ifname":"i0","a":"${"\\\\'".repeat(650_000)}${"\u0001".repeat(9_900)}"},${"{'},".repeat(40_000)}`,
    "ip []",
  ],
  "elements of which none is JSON": () => [ssh, `ip [${"{a},".repeat(70_000)}]`, "ip []"],
  "elements with control characters": () => [
    ssh,
    `ip [{"a":[${'{"a":"\u0001"},'.repeat(9_900)}{}]}]`,
    "ip []",
  ],
  "nexthop objects in groups of all": (count) => [
    ssh,
    "ip []",
    listOf(Math.min(count, 380), (n) => ({ dst: `10.${n}`, nhid: 5_000 + (n % 60) })),
    `hop ${JSON.stringify([
      ...Array.from({ length: 1_000 }, (_, n) => ({ id: n, dev: `i${n}` })),
      ...Array.from({ length: 60 }, (_, n) => ({
        id: 5_000 + n,
        group: Array.from({ length: 1_000 }, (__, m) => ({ id: m })),
      })),
    ])}`,
  ],
  "tunnels to everywhere, and routes": (count) => [
    ssh,
    listOf(count, (n) => ({
      ifname: `i${n}`,
      flags: ["UP"],
      linkinfo: { info_kind: "gre", info_data: { remote: `10.1.${n >> 8}.${n & 255}` } },
      addr_info: [{ local: "10.0.0.2" }],
    })),
    listOf(3_000, (n) => ({ dst: `10.${n >> 8}.${n & 255}.0/24`, dev: `i${n % 7}` })),
    ...some(count, (n) => `net i${n}  /sys/devices/virtual/net/i${n}`),
    ...some(100, (n) => `net c${n}  ${path(n)}`),
  ],
  "interfaces of which nothing is known, and records that are none": (count) => [
    ssh,
    "ip [",
    "ip [",
    ...some(1_900, (n) => `net c${n}  ${path(n)}`),
    ...some(count - 1_000, (n) => `net  ${path(n)}`),
  ],
  "one long text of JSON": () => [ssh, `ip [{"a":"${"\\u0041".repeat(650_000)}"}]`, "ip []"],
  "one long record": () => [...noNetwork, `claim a target target/core/${"b ".repeat(1_900_000)}/udev_path`],
};

/** As the client takes it: what is over a limit never comes to be read. */
function cut(lines: readonly string[]): string[] {
  let bytes = 0;
  return lines
    .slice(0, ANSWER_LIMITS.records)
    .filter((line) => (bytes += line.length) <= ANSWER_LIMITS.bytes);
}

function read(lines: readonly string[]): string {
  try {
    const facts = parseHostFacts(lines);
    findHostUses(facts);
    findHostDevices(facts);
    findBeneath(facts.beneath);
    return "read";
  } catch (error) {
    return (error as Error).message.slice(0, 200);
  }
}

describe("The dearest survey that is read", () => {
  beforeAll(() => {
    // what the engine does once for a piece of code is not the survey's
    for (const make of Object.values(sections)) for (let n = 0; n < 3; n++) read(cut(make(200)));
  });

  it.each(Object.keys(sections))("by %s takes less than a third of a second", (name) => {
    const lines = cut(sections[name]?.(3_000) ?? []);
    expect(read(lines)).toBe("read");
    expectProcessorSeconds(() => read(lines), { below: LIMIT_SECONDS });
  });

  it("by the dearest interfaces, disks, claims and JSON together does so, and is read", () => {
    const names = some(3_900, (n) => `i${n}`);
    const lines = [
      ssh,
      `${listOf(3_900, (n) => ({ ifname: `i${n}`, flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] })).slice(0, -1)},${objectOf(110_000)}]`,
      defaults(names),
      ...names.map((name, n) => `net ${name} i${n + 1} ${path(n)}`),
      ...some(3_100, (n) => `blk d${n} 8:${n} 0 d${(n + 1) % 3_100} ${path(n)}`),
      ...some(1_500, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
      ...some(1_400, (n) => `claim d${n} target target/core/iblock_${n}/x/udev_path`),
    ];
    expect(cut(lines)).toHaveLength(lines.length);
    expect(read(lines)).toBe("read");
    expectProcessorSeconds(() => read(lines), { below: LIMIT_SECONDS });
  });

  it("has no more functions above its devices than any host", () => {
    expect(read([...noNetwork, ...some(2_000, (n) => `blk d${n} 8:${n} 0 ${deepPath(n, 16)}`)])).toMatch(
      /too many PCI functions \(30000\)/,
    );
  });

  it("has no more names than `ip` has for what it tells", () => {
    const object = `{${some(1_100, (n) => `"k${n}":0`).join(",")}}`;
    expect(read([ssh, `ip [${object}]`, "ip []"])).toMatch(/more than 1000 names/);
  });

  it("is not one of a large host: a thousand guests' interfaces are read", () => {
    const port = {
      flags: ["BROADCAST", "MULTICAST", "UP"],
      master: "br0",
      linkinfo: {
        info_kind: "tun",
        info_slave_data: Object.fromEntries(some(40, (n) => `key${n}`).map((k) => [k, 0])),
      },
      addr_info: [{ local: "fe80::1", prefixlen: 64 }],
    };
    const lines = [
      ssh,
      listOf(1_000, (n) => ({ ifname: `vnet${n}`, ...port })),
      listOf(6_000, (n) => ({ dst: `10.0.${n >> 8}.${n & 255}`, dev: "eth0" })),
      `net br0 ${some(1_000, (n) => `vnet${n}`).join(" ")} /sys/devices/virtual/net/br0`,
      ...some(1_000, (n) => `net vnet${n}  /sys/devices/virtual/net/vnet${n}`),
      ...some(2_000, (n) => `blk sd${n} 8:${n} 0  ${path(n >> 8)}`),
      ...some(
        500,
        (n) => `blk dm-${n} 9:${n} 0 ${some(4, (m) => `sd${n * 4 + m}`).join(" ")} /sys/devices/virtual/x`,
      ),
      ...some(500, (n) => `dm dm-${n} mpath${n} mpath-${n}`),
    ];
    expect(cut(lines)).toHaveLength(lines.length);
    expect(read(lines)).toBe("read");
  });
});

describe("The dearest list of PCI functions that is read", () => {
  it("takes less than a third of a second", () => {
    const lines = cut([
      ...some(5_000, (n) => `pci ${pad(n)}:00:00.0 0x8086 0x10d3 0x020000 - vfio-pci ${n} -`),
      ...some(4_990, (n) => `name ${pad(n)}  ${"n".repeat(600)}`),
    ]);
    const parse = (): unknown => parsePciListing(lines);
    expectProcessorSeconds(parse, { below: LIMIT_SECONDS });
  });
});
