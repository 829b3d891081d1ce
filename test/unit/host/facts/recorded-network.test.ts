import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHostFacts } from "../../../../provider/host/facts";
import { findHostNotes } from "../../../../provider/host/uses";

/** See README.md there. */
const FOLDER = join(__dirname, "../../../fixtures/network");
const releases = readdirSync(FOLDER).flatMap((file) => /^(\w+)\.txt$/.exec(file)?.[1] ?? []);

it("is recorded for each release of Debian that is served", () => {
  expect(releases.sort()).toEqual(["bookworm", "bullseye", "sid", "trixie"]);
});

describe.each(releases)("The survey of a network with odd names, by the ip of %s", (release) => {
  const lines = readFileSync(join(FOLDER, `${release}.txt`), "utf8")
    .trimEnd()
    .split("\n");
  const facts = parseHostFacts(lines);
  const one = (name: string) => facts.interfaces.find((found) => found.name === name);

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

  it("has the ways of routes that name a nexthop object alone", () => {
    expect(lines.filter((line) => line.startsWith("ip ")).join("")).toMatch(/"nhid":1[,}]/);
    expect(one("enp1s0f2")?.routes).toContain("198.51.0.0/16");
    expect([...facts.defaultRouteInterfaces].sort()).toEqual(["enp1s0f2", "enp1s0f3"]);
    // by the route to the client, for no interface has the address
    expect(facts.sshInterfaces).toEqual(["enp1s0f2"]);
  });
});
