import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHostFacts } from "../../../../provider/host/facts";
import { findHostNotes, findHostUses } from "../../../../provider/host/uses";

/** See README.md there. */
const FOLDER = join(__dirname, "../../../fixtures/network");
const releases = readdirSync(FOLDER).flatMap((file) => /^(\w+)\.txt$/.exec(file)?.[1] ?? []);

/** What it runs on, and what carries it if that is not known; the kind stands before them. */
type RunsOn = readonly [
  kind: string | undefined,
  lower: readonly string[] | undefined,
  beneath: string | undefined,
];

/** The interfaces with a default route. */
const BY_DEFAULT = ["enp1s0f2", "enp1s0f3", "ppp0"];
const byAddress = (kind: string, ...lower: readonly string[]): RunsOn => [kind, lower, "addresses"];

/** Every kind of interface that the recorded kernel has. */
const beneathEach: Readonly<Record<string, RunsOn>> = {
  bond0: ["bond", ["under0"], "nothing"],
  team0: ["team", ["under1"], "nothing"],
  vrf0: ["vrf", ["lan\u3000zwei"], "nothing"],
  hsr0: ["hsr", ["hsr1", "hsr2"], "unknown"],
  bat0: ["batadv", [], "unknown"],
  vlan5: ["vlan", ["under0"], "unknown"],
  qinq6: ["vlan", ["vlan5"], "unknown"],
  macvlan0: ["macvlan", ["under4"], "unknown"],
  ipvlan0: ["ipvlan", ["under3"], "unknown"],
  ipvtap0: ["ipvtap", ["under3"], "unknown"],
  macsec0: ["macsec", ["under5"], "unknown"],
  ifb7: ["ifb", [], "nothing"],
  nlmon0: ["nlmon", [], "nothing"],
  vcan0: ["vcan", [], "unknown"],
  l2tpeth0: [undefined, [], "unknown"],
  ppp0: ["ppp", ["enp1s0f0"], "unknown"],
  gre1: byAddress("gre", "enp1s0f1"),
  gre2: byAddress("gre", "enp1s0f1"),
  gretap1: byAddress("gretap", "enp1s0f1"),
  erspan1: byAddress("erspan", "enp1s0f1"),
  ipip1: byAddress("ipip", "enp1s0f1"),
  sit1: byAddress("sit", "enp1s0f1"),
  vti1: byAddress("vti", "enp1s0f1"),
  xfrm1: byAddress("xfrm", "enp1s0f1"),
  geneve1: byAddress("geneve", "enp1s0f1"),
  // their other ends are of IPv6, and of which family a default route is iproute2 does not say
  vtisix: byAddress("vti6", ...BY_DEFAULT),
  ipsix1: byAddress("ip6tnl", ...BY_DEFAULT),
  gresix1: byAddress("ip6gre", ...BY_DEFAULT),
  gretapsix1: byAddress("ip6gretap", ...BY_DEFAULT),
  wg0: byAddress("wireguard"),
};

it("is recorded for each release of Debian that is served", () => {
  expect(releases.sort()).toEqual(["bookworm", "bullseye", "sid", "trixie"]);
});

describe.each(releases)("The survey of a network with odd names, by the ip of %s", (release) => {
  const lines = readFileSync(join(FOLDER, `${release}.txt`), "utf8")
    .trimEnd()
    .split("\n");
  const facts = parseHostFacts(lines);
  const one = (name: string) => facts.interfaces.find((found) => found.name === name);
  const runsOn = (name: string): RunsOn => {
    const { kind, lowerInterfaces, beneath } = one(name) ?? {};
    return [kind, lowerInterfaces, beneath];
  };

  it("is read whole", () => {
    expect(facts.unread).toEqual([]);
    expect(findHostNotes(facts)).toEqual([]);
    expect(facts.interfaces.filter(({ isUp }) => isUp === "unread")).toEqual([]);
    expect(facts.architecture).toBe("x86_64");
  });

  it("has each interface by its name, whatever is in it", () => {
    for (const name of ["lan\u3000zwei", "'", "a\u0001b"]) expect(one(name)?.isUp).toBe(true);
    expect(one("enp1s0f1")?.addresses).toContain("203.0.113.1");
  });

  it("has the layers, and what is beneath a tunnel", () => {
    expect(one("br0")?.lowerInterfaces).toEqual(expect.arrayContaining(["under2", "veth1"]));
    expect(one("macvtap0")?.lowerInterfaces).toEqual(["enp1s0f1"]);
    expect(one("vxlan1")?.lowerInterfaces).toEqual(["enp1s0f1"]);
    expect(one("vxlan2")?.lowerInterfaces).toEqual(["enp1s0f1"]);
    expect(one("vxlan3")?.lowerInterfaces).toEqual(["enp1s0f1"]);
    expect(one("vxlan4")).toMatchObject({ lowerInterfaces: [], beneath: "addresses" });
    expect(one("veth0")?.reaches).toEqual(["veth1", "br0"]);
    expect(one("away0")).toMatchObject({ beneath: "namespace", lowerInterfaces: [] });
    for (const name of ["tun0", "tap0"])
      expect(one(name)).toMatchObject({ kind: "tun", beneath: "addresses" });
  });

  it("has what each kind of interface runs on", () => {
    const found = Object.keys(beneathEach).map((name) => [name, runsOn(name)]);
    expect(Object.fromEntries(found)).toEqual(beneathEach);
  });

  it("has the other end of each kind of pair", () => {
    expect(one("netkit0")?.reaches).toEqual(["netkit1"]);
    expect(one("vxcan0")?.reaches).toEqual(["vxcan1"]);
  });

  it("has the ways of routes that name a nexthop object alone", () => {
    expect(lines.filter((line) => line.startsWith("ip ")).join("")).toMatch(/"nhid":1[,}]/);
    expect(one("enp1s0f2")?.routes).toContain("198.51.0.0/16");
    expect([...facts.defaultRouteInterfaces].sort()).toEqual(BY_DEFAULT);
  });

  it("has the session beneath a PPP link that carries this connection", () => {
    expect(one("ppp0")).toMatchObject({ isUp: true, addresses: ["192.0.2.1"] });
    // the second one has the route to the client
    expect(facts.sshInterfaces).toEqual(["ppp0", "enp1s0f2"]);
    const carriers = findHostUses(facts).filter(({ isThisConnection }) => isThisConnection);
    // the port above them carries what they carry
    const cards = carriers.map(({ hostAddress }) => hostAddress).filter((one) => one !== "0000:00:05.0");
    expect(cards).toEqual(["0000:01:00.0", "0000:01:00.2"]);
  });
});
