import { parseHostFacts } from "../../../../provider/host/facts";
import { findHostNotes, findHostUses } from "../../../../provider/host/uses";
import { describeHostNote, describeHostUse } from "../../../../provider/plan";

/** An interface as `ip` has it, and where sysfs has it: on a function, or made by software. */
interface Link {
  readonly ifname: string;
  readonly function?: string;
  readonly [field: string]: unknown;
}

const nic = (ifname: string, bus: string, more: object = {}): Link => ({
  ifname,
  function: `0000:${bus}:00.0`,
  flags: ["UP"],
  link_type: "ether",
  ...more,
});
const virtual = (ifname: string, kind: string | undefined, more: object = {}): Link => ({
  ifname,
  flags: ["UP"],
  ...(kind !== undefined && { linkinfo: { info_kind: kind } }),
  ...more,
});
const lo = { ifname: "lo", flags: ["UP"], link_type: "loopback" };
/** The server's address of the connection. */
const server = { addr_info: [{ local: "192.0.2.1" }] };
const address = (local: string) => ({ addr_info: [{ local }] });

function look(links: readonly Link[], routes: readonly object[] = [], more: readonly string[] = []) {
  const facts = parseHostFacts([
    "ssh 198.51.100.9 50000 192.0.2.1 22",
    ...links.map((one) => {
      const path =
        one.function === undefined ? "/sys/devices/virtual" : `/sys/devices/pci0000:00/${one.function}`;
      return `net ${one.ifname}  ${path}/net/${one.ifname}`;
    }),
    `ip ${JSON.stringify(links)}`,
    `ip ${JSON.stringify(routes)}`,
    ...more,
  ]);
  return {
    uses: findHostUses(facts).map((one) => `${one.hostAddress.slice(5, 7)} ${describeHostUse(one)}`),
    bound: findHostUses(facts).flatMap((one) => (one.isThisConnection ? one.hostAddress.slice(5, 7) : [])),
    notes: findHostNotes(facts).map(describeHostNote),
  };
}

const hop = (objects: unknown) => `hop ${JSON.stringify(objects)}`;

describe("PPP over Ethernet, which carries this connection and the default route", () => {
  const links = [
    nic("eth0", "01"),
    nic("eth1", "02"),
    nic("eth2", "03", { flags: [] }),
    virtual("ppp0", undefined, { link_type: "ppp", ...server }),
    lo,
  ];
  const routes = [{ dst: "default", dev: "ppp0" }];

  it("uses the interface with the session, for good", () => {
    const { uses, bound, notes } = look(links, routes, ["pppoe 00000100 52:54:00:12:34:56     eth0"]);
    expect(uses).toContain("01 carries this SSH connection (interface eth0, a part of ppp0)");
    expect(uses).toContain("01 carries the host's default route (interface eth0, a part of ppp0)");
    expect(uses.filter((use) => !use.startsWith("01"))).toEqual([]);
    expect(bound).toEqual(["01"]);
    expect(notes).toEqual([]);
  });

  it("may use each that is up where no session is known, and says so", () => {
    const { uses, bound, notes } = look(links, routes);
    expect(uses).toEqual(
      ["01 has interface eth0", "02 has interface eth1"].flatMap((has) => [
        `${has}, which may carry this SSH connection: it goes over ppp0, and what carries that is not known`,
        `${has}, which may carry the host's default route: it goes over ppp0, and what carries that is not known`,
      ]),
    );
    expect(bound).toEqual([]);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain("beneath interface ppp0 is not known");
  });
});

describe("Below what carries this connection", () => {
  const cards = [nic("eth0", "01", address("203.0.113.1")), nic("eth1", "02"), lo];
  const holds = { 0: "01 carries this SSH connection" } as const;

  it.each<[string, Link]>([
    [
      "a GRE tunnel with an address of its own end",
      virtual("gre1", "gre", {
        ...server,
        linkinfo: { info_kind: "gre", info_data: { local: "203.0.113.1", remote: "203.0.113.9" } },
      }),
    ],
    [
      "an IPIP tunnel to an address that a route leads to",
      virtual("ipip1", "ipip", {
        ...server,
        linkinfo: { info_kind: "ipip", info_data: { local: "any", remote: "198.18.5.5" } },
      }),
    ],
    [
      "a VXLAN with a group and an interface",
      virtual("vx1", "vxlan", {
        ...server,
        linkinfo: { info_kind: "vxlan", info_data: { group: "239.1.1.1", link: "eth0" } },
      }),
    ],
    [
      "a VXLAN to another end alone",
      virtual("vx1", "vxlan", {
        ...server,
        linkinfo: { info_kind: "vxlan", info_data: { remote: "198.18.5.5" } },
      }),
    ],
    ["a VLAN", virtual("eth0.5", "vlan", { ...server, link: "eth0" })],
    ["MACsec", virtual("macsec0", "macsec", { ...server, link: "eth0" })],
    ["a port of a DSA switch", virtual("lan1", "dsa", { ...server, link: "eth0" })],
    ["an IPoIB child", virtual("ib0.8001", "ipoib", { ...server, link: "eth0" })],
    ["a pair with its other end in a bridge", virtual("veth0", "veth", { ...server, link: "veth1" })],
  ])("%s is a function that may not be taken", (_what, top) => {
    const links = [
      ...cards,
      virtual("veth1", "veth", { link: "veth0", master: "br0" }),
      virtual("br0", "bridge"),
      top,
    ];
    const { uses, bound, notes } = look(
      links,
      [
        { dst: "198.18.0.0/16", dev: "eth0" },
        { dst: "198.0.0.0/8", dev: "eth1" },
        { dst: "default", dev: "eth1" },
      ],
      [`net br0 eth0 veth1 /sys/devices/virtual/net/br0`],
    );
    expect(uses.filter((use) => use.includes("this SSH connection"))).toEqual([
      `${holds[0]} (interface eth0, a part of ${top.ifname})`,
    ]);
    expect(bound).toEqual(["01"]);
    expect(notes).toEqual([]);
  });

  it.each([
    ["WireGuard", virtual("wg0", "wireguard", server)],
    ["a program's tunnel", virtual("tun0", "tun", server)],
    ["a GRE tunnel to anywhere", virtual("gre0", "gre", server)],
    ["a bridge with a guest's interface alone", virtual("vnet0", "tun", server)],
  ])("%s may be each function with an address, and none without", (_what, top) => {
    const { uses, bound } = look([...cards, top]);
    expect(uses.filter((use) => use.includes("may carry this SSH connection"))).toEqual([
      `01 has interface eth0, which may carry this SSH connection: it goes over ${top.ifname}, and what carries that is not known`,
    ]);
    expect(uses.filter((use) => use.startsWith("02"))).toEqual([]);
    expect(bound).toEqual([]);
  });

  it.each([
    ["an interface of a kind that nobody knows", virtual("new0", "newkind", server)],
    ["L2TP, which has no kind", virtual("l2tpeth0", undefined, server)],
  ])("%s may be each function that is up", (_what, top) => {
    const { uses, notes } = look([...cards, top]);
    const may = uses.filter((use) => use.includes("may carry this SSH connection"));
    expect(may.map((use) => use.slice(0, 2))).toEqual(["01", "02"]);
    expect(notes).toEqual([expect.stringContaining(`beneath interface ${top.ifname} is not known`)]);
  });

  it.each([
    ["an interface of another network namespace", virtual("cable0", "veth", { ...server, link_netnsid: 0 })],
    ["a dummy", virtual("dummy0", "dummy", server)],
    ["a bridge without ports", virtual("br1", "bridge", server)],
  ])("%s is no function of these", (_what, top) => {
    const { uses, notes } = look([...cards, top]);
    expect(uses).toEqual(["01 has interface eth0, which is up with address 203.0.113.1"]);
    expect(notes).toEqual([]);
  });

  it("hardware that is no PCI function is none", () => {
    const links = [...cards, virtual("end0", undefined, server)];
    const facts = parseHostFacts([
      "ssh 198.51.100.9 50000 192.0.2.1 22",
      "net end0  /sys/devices/platform/fd580000.ethernet/net/end0",
      "net eth1  /sys/devices/pci0000:00/0000:02:00.0/net/eth1",
      `ip ${JSON.stringify(links)}`,
      "ip []",
    ]);
    expect(findHostUses(facts)).toEqual([]);
    expect(findHostNotes(facts)).toEqual([]);
  });
});

describe("Routes whose way is a nexthop object, shown by its number alone", () => {
  const cards = [nic("eth0", "01", server), nic("eth1", "02"), nic("eth2", "03"), nic("eth3", "04"), lo];

  it("lead to the interfaces of the object, of a group to all", () => {
    const { uses, notes } = look(
      cards,
      [
        { dst: "default", nhid: 10 },
        { dst: "198.51.100.0/24", nhid: 3 },
        { dst: "198.51.101.0/24", nhid: 4 },
      ],
      [
        hop([
          { id: 1, gateway: "192.0.2.254", dev: "eth0" },
          { id: 2, gateway: "198.18.0.254", dev: "eth1" },
          { id: 3, dev: "eth2" },
          { id: 4, blackhole: null },
          { id: 10, group: [{ id: 1 }, { id: 2, weight: 3 }] },
        ]),
      ],
    );
    expect(uses).toContain("01 carries the host's default route (interface eth0)");
    expect(uses).toContain("02 carries the host's default route (interface eth1)");
    expect(uses).toContain("03 has interface eth2, which is up with a route to 198.51.100.0/24");
    expect(uses.filter((use) => use.startsWith("04"))).toEqual([]);
    expect(notes).toEqual([]);
  });

  it.each([
    ["is not told of", [hop([{ id: 1, dev: "eth0" }])], /nexthop 10, which is not known/],
    ["is not told, because ip does not know of any", ["hop "], /nexthop 10.*"ip nexthop" was not answered/],
  ])("may lead to each that is up where it %s", (_what, more, expected) => {
    const { uses, notes } = look(cards, [{ dst: "default", nhid: 10 }], more);
    const may = uses.filter((use) => use.includes("may have a route"));
    expect(may.map((use) => use.slice(0, 2))).toEqual(["01", "02", "03", "04"]);
    expect(notes).toEqual([expect.stringMatching(expected)]);
  });

  it("are not asked for where no route names one", () => {
    expect(look(cards, [{ dst: "default", dev: "eth0" }], ["hop "]).notes).toEqual([]);
  });
});
