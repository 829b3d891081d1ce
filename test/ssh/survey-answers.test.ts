import { chmodSync, copyFileSync } from "node:fs";
import type { HostFacts } from "../../provider/host/facts";
import { findHostNotes, findHostUses } from "../../provider/host/uses";
import { describeHostNote } from "../../provider/plan";
import type { PciAddress } from "../../provider/pci";
import { NetworkNamespace } from "../support/network-namespace";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";

jest.setTimeout(60_000);

const bench = new Bench();
const namespace = new NetworkNamespace();
afterAll(async () => {
  await bench.tearDown();
  namespace.remove();
});

/** What the helper finds where `ip` is this script, which has the machine's own as `$REAL`. */
async function lookWith(script: string): Promise<HostFacts> {
  const real = `${bench.workspace.path}/real-ip`;
  copyFileSync("/usr/bin/ip", real);
  const ip = bench.workspace.write(`ip${Math.random()}`, `#!/bin/bash\nREAL=${real}\n${script}\n`);
  chmodSync(ip, 0o755);
  const sshd = await bench.startSshd({
    namespace: namespace.name,
    address: namespace.innerAddress,
    inPlaceOf: [["/usr/bin/ip", ip]],
  });
  return openHelper(await bench.pool().acquire(sshd.target(bench.login))).readFacts();
}

describe("The survey of a host whose names and descriptions are odd", () => {
  it("is read as it is, whichever characters they have", async () => {
    namespace.addCard("lan\u3000zwei");
    namespace.addCard("Bob's");
    namespace.addCard("x\u0001y");
    namespace.ip("link set Bob's alias it's_\u0001\u001b[31m_here\u007f_\\\\'");
    const sshd = await bench.startSshd({ namespace: namespace.name, address: namespace.innerAddress });
    const facts = await openHelper(await bench.pool().acquire(sshd.target(bench.login))).readFacts();
    const found = facts.interfaces.map(({ name, isUp }) => [name, isUp]);
    for (const name of ["lan\u3000zwei", "Bob's", "x\u0001y"]) expect(found).toContainEqual([name, true]);
    expect(facts.sshInterfaces).toEqual(["cable0"]);
    expect(facts.unread).toEqual([]);
    expect(findHostNotes(facts)).toEqual([]);
  });
});

/** As busybox 1.38 and iproute2 4.9 answer. */
const NO_JSON = {
  busybox: `cat >/dev/null
printf "ip: invalid option -- 'j'\nBusyBox v1.38.0 (Debian 1:1.38.0-3+b1) multi-call binary.\n\nUsage: ip [OPTIONS] address|route|link|tunnel|neigh|rule [ARGS]\n" >&2
exit 1`,
  old: `echo 'Option "-j" is unknown, try "ip -help".' >&2; exit 255`,
};

describe("The survey of a host whose ip", () => {
  const carrier = async (script: string) => {
    const facts = await lookWith(script);
    const notes = findHostNotes(facts).map(describeHostNote);
    return { facts, notes, ssh: facts.sshInterfaces, defaults: facts.defaultRouteInterfaces };
  };
  beforeAll(() => namespace.ip(`route add default via ${namespace.outerAddress}`));

  it.each(Object.entries(NO_JSON))(
    "has no JSON (%s) says that iproute2 is missing",
    async (_which, script) => {
      await expect(lookWith(script)).rejects.toMatchObject({ code: "SSH_HELPER_TOOL_MISSING" });
      await expect(lookWith(script)).rejects.toThrow(/iproute2 is missing/);
    },
  );

  it("does not know nexthop objects, or warns, is read all the same", async () => {
    const { facts, notes, ssh, defaults } = await carrier(`mapfile -t lines
echo "Dump was interrupted and may be inconsistent." >&2
echo "warning: a library is older than its header"
$REAL -j -d addr show
printf 'Object "nexthop" is unknown, try "ip help".\nCommand failed -:2\n' >&2
$REAL -j -d route show table all
echo "Dump was interrupted and may be inconsistent." >&2
$REAL -j -d \${lines[3]}
exit 1`);
    expect([ssh, defaults, notes]).toEqual([["cable0"], ["cable0"], []]);
    expect(facts.interfaces.map(({ isUp }) => isUp)).not.toContain("unread");
  });

  it("ends in the middle leaves what it has not told unread", async () => {
    const { facts, notes, defaults } = await carrier(`text=$($REAL -j -d addr show)
printf "%s" "\${text:0:\${#text} - 30}"
kill -9 $$`);
    expect(facts.interfaces.map(({ isUp }) => isUp)).toContain("unread");
    expect(facts.interfaces.find(({ name }) => name === "lo")).toMatchObject({ isUp: true });
    expect(defaults).toEqual([]);
    expect(notes.join("\n")).toMatch(/"ip address" says cannot be read.*ended with code 137/);
    expect(notes.join("\n")).toMatch(/"ip route" says cannot be read.*not answered/);
  });

  it("says nothing at all leaves everything unread", async () => {
    const { facts, notes, ssh } = await carrier("exit 0");
    expect(new Set(facts.interfaces.map(({ isUp }) => isUp))).toEqual(new Set(["unread"]));
    expect(ssh).toEqual([]);
    expect(notes).toHaveLength(3);
    const onCard = { ...facts.interfaces[0]!, hostAddress: "0000:01:00.0" as PciAddress };
    const uses = findHostUses({ ...facts, interfaces: [onCard] }).map(({ kind }) => kind);
    expect(uses).toEqual(expect.arrayContaining(["possible-carrier", "unread-routes", "unread-interface"]));
  });
});
