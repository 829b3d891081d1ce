import { readdirSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { HostFacts } from "../../provider/host/facts";
import { run } from "./support/run";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";

jest.setTimeout(30_000);

describe("survey", () => {
  const bench = new Bench();
  let facts: HostFacts;
  let defaultRoutes: string;

  beforeAll(async () => {
    const sshd = await bench.startSshd();
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    // Both at once: the helper is started once, and the answers do not mix.
    const [first, lock] = await Promise.all([
      openHelper(connection).readFacts(),
      openHelper(connection).lock([`test-${process.pid}-survey`]),
    ]);
    facts = first;
    await lock.release();
    defaultRoutes = (await run(connection, "PATH=$PATH:/usr/sbin:/sbin; ip route show default")).stdout;
  });
  afterAll(() => bench.tearDown());

  it("lists the interfaces of this machine with their addresses", () => {
    expect(facts.interfaces.map(({ name }) => name).sort()).toEqual(
      readdirSync("/sys/class/net")
        .filter((name) => name !== "bonding_masters")
        .sort(),
    );
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      const found = facts.interfaces.find((one) => one.name === name)?.addresses;
      expect(found).toEqual(expect.arrayContaining(addresses.map(({ address }) => address)));
    }
  });

  it("sees that this connection comes over the loopback", () => {
    expect(facts.sshInterfaces).toEqual(["lo"]);
  });

  it("finds the interface of every default route", () => {
    const expected = [...defaultRoutes.matchAll(/ dev (\S+)/g)].map(([, name]) => name);
    expect(facts.defaultRouteInterfaces).toEqual(expect.arrayContaining(expected));
  });

  it("lists the disks of this machine", () => {
    expect(facts.disks.map(({ name }) => name).sort()).toEqual(readdirSync("/sys/class/block").sort());
  });

  it("says that ip is missing where it is", async () => {
    const own = await bench.startSshd();
    const connection = await bench.pool().acquire(own.target(bench.login));
    // A login without /usr/sbin and /usr/bin cannot be had here: the helper adds them. So hide the tool.
    const exec = connection.exec.bind(connection);
    Object.assign(connection, {
      exec: (command: string, signal?: AbortSignal) =>
        exec(command.replace("eval", "command() { [ $2 != ip ]; }; eval"), signal),
    });
    await expect(openHelper(connection).readFacts()).rejects.toMatchObject({
      code: "SSH_HELPER_TOOL_MISSING",
    });
    await expect(openHelper(connection).readFacts()).rejects.toThrow(/has no "ip".*iproute2/);
  });
});
