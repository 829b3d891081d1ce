import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sentProgram } from "../../provider/host/helper";
import { HostRequests } from "../../provider/hypervisor/plain-qemu";
import { hostProgram } from "../../provider/hypervisor/plain-qemu/program/host-program";
import { FakeSysfs, type FakeFunction } from "../support/plain-host";
import { Bench, waitUntil, type Sshd } from "../support/sshd";
import { RawProgram } from "./support/raw-program";

jest.setTimeout(120_000);

const GUESTS = 6;
const UUID = "33333333-3333-4333-8333-333333333333";
/** Two functions for each guest, in a group of their own; the first guest's have another driver. */
const functions: readonly FakeFunction[] = Array.from({ length: GUESTS }, (_, guest) =>
  [0, 1].map((n) => ({
    address: `0000:0${guest + 1}:00.${n}`,
    driver: guest === 0 ? "stuck" : "e1000e",
    group: 10 + guest,
  })),
).flat();
const addressesOf = (guest: number): string[] => [0, 1].map((n) => `0000:0${guest + 1}:00.${n}`);

describe("Changes on a host without libvirt", () => {
  const bench = new Bench();
  const sysfs = new FakeSysfs(functions);
  const { folders } = sysfs;
  const children: RawProgram[] = [];
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterEach(() => {
    for (const one of children.splice(0)) one.child.kill("SIGKILL");
    sysfs.restore();
  });
  afterAll(async () => {
    await bench.tearDown();
    sysfs.close();
  });

  const locksOf = (guest: number): string[] => [
    `guest-${process.pid}-${guest}`,
    `group-${process.pid}-${guest}`,
  ];

  /** The program over an ssh of its own, as root's login is sent it. */
  const program = async (change = (text: string): string => text): Promise<RawProgram> => {
    const { command, text } = sentProgram(change(hostProgram(folders)));
    const child = spawn("ssh", [
      ...["-T", "-F", "none", "-i", bench.clientKey, "-p", String(sshd.port)],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      ...["root@127.0.0.1", command],
    ]);
    child.stdin.write(text);
    const raw = new RawProgram(child);
    children.push(raw);
    return raw.begin();
  };
  const locked = async (guest: number, raw: RawProgram): Promise<void> => {
    const names = locksOf(guest);
    for (let said: readonly string[] = []; !said.includes(`got ${names[1]}`);)
      said = await raw.ask("lock", names.join(" "));
  };

  it("of five guests go on beside an unbind that never returns", async () => {
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    const requests = new HostRequests(connection, "login", folders);
    const { signal } = new AbortController();
    const changeOf = async (guest: number): Promise<number> => {
      const startedAt = performance.now();
      const locks = await requests.helper.lock(locksOf(guest), signal);
      const words = addressesOf(guest);
      const parts = { locks: locksOf(guest), owner: "a" };
      await requests.change("bind", { ...parts, args: `go ${words.join(" ")}` }, signal);
      const back = words.map((one) => `${one}=e1000e`).join(" ");
      await requests.change("release", { ...parts, args: back }, signal);
      await locks.release();
      return performance.now() - startedAt;
    };
    const others = [1, 2, 3, 4, 5];
    const usual = await Promise.all(others.map(changeOf));

    sysfs.stopReading("drivers/stuck/unbind");
    const locks = await requests.helper.lock(locksOf(0), signal);
    const parts = { locks: locksOf(0), owner: "a" };
    const limit = AbortSignal.timeout(1000);
    const stuck = requests.change("bind", { ...parts, args: `go ${addressesOf(0).join(" ")}` }, limit);
    const ended = stuck.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    await sleep(300);
    const beside = await Promise.all(others.map(changeOf));
    expect(Math.max(...beside) - Math.max(...usual)).toBeLessThan(1000);
    expect(await ended).toMatchObject({ code: "HOST_CHANGE_STUCK" });
    expect(String(await ended)).toMatch(/unbind 0000:01:00\.0 stuck/);
    // nothing else is begun with these functions, and their locks do not pass on
    const again = `${addressesOf(0)[0]}=stuck`;
    await expect(requests.change("release", { ...parts, args: again }, signal)).rejects.toMatchObject({
      code: "HOST_CHANGE_STUCK",
    });
    await locks.release();
    const other = await program();
    other.write(`lock 77 ${locksOf(0).join(" ")}`);
    await other.until("77", /^busy /);
    await sleep(500);
    expect(other.output).not.toContain("got 77");
    sysfs.readAgain("drivers/stuck/unbind");
    await other.until("77", /^stale /);
    await locked(0, other);
  });

  it("that are in the pipe when the connection ends are not begun", async () => {
    const raw = await program();
    await locked(1, raw);
    const pid = pidOf(raw);
    process.kill(pid, "SIGSTOP");
    for (let n = 0; n < 10; n++)
      raw.write(`bind ${100 + n} ${locksOf(1).join(",")} a go ${addressesOf(1)[n % 2]}`);
    raw.write(`write 120 ${locksOf(1).join(",")} ${UUID} - {}`);
    await sleep(300);
    raw.child.kill("SIGKILL");
    const other = await program();
    other.write(`lock 77 ${locksOf(1).join(" ")}`);
    await other.until("77", /^busy /);
    await waitUntil("its sshd has gone", () => sessionsOf(raw) === 0);
    process.kill(pid, "SIGCONT");
    await other.until("77", /^stale /);
    await locked(1, other);
    expect(sysfs.writes).toEqual([]);
    expect(sysfs.ledgerFiles).toEqual([]);
  });

  it("of a client that stands still are finished, and its locks pass on", async () => {
    const raw = await program();
    await locked(1, raw);
    raw.write(`bind 100 ${locksOf(1).join(",")} a go ${addressesOf(1).join(" ")}`);
    await raw.until("100", /^at unbind/);
    raw.child.kill("SIGSTOP");
    const other = await program();
    other.write(`lock 77 ${locksOf(1).join(" ")}`);
    const beating = setInterval(() => other.write("beat"), 2000);
    await waitUntil("the lock passes on", () => /^stale 77/m.test(other.output), 20_000);
    clearInterval(beating);
    expect(addressesOf(1).map((one) => sysfs.driverOf(one))).toEqual(["vfio-pci", "vfio-pci"]);
    raw.child.kill("SIGCONT");
    raw.write(`release 101 ${locksOf(1).join(",")} a ${addressesOf(1)[0]}=e1000e`);
    await sleep(500);
    expect(addressesOf(1).map((one) => sysfs.driverOf(one))).toEqual(["vfio-pci", "vfio-pci"]);
  });

  it("leave an administrator's own driver_override as it was, whatever becomes of them", async () => {
    const [first = "", second = ""] = addressesOf(1);
    const overrideOf = (address: string): string =>
      readFileSync(join(folders.sysfs, "bus/pci/devices", address, "driver_override"), "utf8").trim();
    sysfs.override(first, "e1000e");
    const raw = await program();
    await locked(1, raw);
    const locks = locksOf(1).join(",");
    // the second is refused by vfio-pci: the first goes back by its release, the second at once
    sysfs.refused.add(second);
    expect((await raw.ask("bind", `${locks} a go ${first} ${second}`)).at(-1)).toMatch(
      /^fail .*was not taken/,
    );
    expect([overrideOf(first), overrideOf(second)]).toEqual(["vfio-pci", ""]);
    expect(await raw.ask("release", `${locks} a ${first}=e1000e=e1000e ${second}=e1000e`)).toContain("done");
    expect([overrideOf(first), overrideOf(second)]).toEqual(["e1000e", ""]);
    sysfs.refused.clear();
    expect(await raw.ask("bind", `${locks} a go ${first} ${second}`)).toContain("done");
    expect(await raw.ask("release", `${locks} a ${first}=e1000e=e1000e ${second}=e1000e`)).toContain("done");
    expect([overrideOf(first), overrideOf(second)]).toEqual(["e1000e", ""]);
    expect(addressesOf(1).map((one) => sysfs.driverOf(one))).toEqual(["e1000e", "e1000e"]);
  });

  it("that are killed at any command leave what a release puts right", async () => {
    const [first = "", second = ""] = addressesOf(1);
    const step = join(sysfs.root, "step");
    const mark = join(sysfs.root, "mark");
    const raw = await program((text) =>
      text.replace(
        '"$change" "$@"\n',
        () =>
          `IFS= read -r last <'${step}'; steps=0; set -T; ` +
          `trap '[ "$((++steps))" -ne "$last" ] || { : >"${mark}"; kill -KILL "$BASHPID"; }' DEBUG; ` +
          `"$change" "$@"; trap - DEBUG\n`,
      ),
    );
    await locked(1, raw);
    const locks = locksOf(1).join(",");
    const states = new Set<string>();
    let last = 1;
    for (; ; last++) {
      sysfs.restore();
      sysfs.override(first, "e1000e");
      rmSync(mark, { force: true });
      writeFileSync(step, `${last}\n`);
      const id = String(1000 + last);
      raw.write(`bind ${id} ${locks} a go ${first} ${second}`);
      await waitUntil(
        `bind ${last} ends`,
        () => existsSync(mark) || new RegExp(`^done ${id}`, "m").test(raw.output),
      );
      states.add([first, second].map((one) => sysfs.driverOf(one) ?? "-").join(" "));
      writeFileSync(step, "0\n");
      if (!existsSync(mark)) break;
      await waitUntil("its process has gone", () => childrenOf(raw) === 0);
      // by the next operation, which has the drivers and overrides from the ledger
      expect((await raw.ask("release", `${locks} a ${first}=e1000e=e1000e ${second}=e1000e`)).at(-1)).toBe(
        "done",
      );
      // the kernel of the tests is another process, and may be late
      const drivers = (): string => [first, second].map((one) => sysfs.driverOf(one) ?? "-").join(" ");
      await waitUntil(`both are back after ${last}`, () => drivers() === "e1000e e1000e");
      expect(sysfs.overrides.slice(2, 4)).toEqual(["e1000e", ""]);
    }
    expect(last).toBeGreaterThan(50);
    // it was in the middle, and not only before and after
    expect(states.size).toBeGreaterThanOrEqual(3);
  });

  it("whose process was killed are told as such", async () => {
    sysfs.stopReading("drivers/stuck/unbind");
    const raw = await program();
    await locked(0, raw);
    raw.write(`bind 100 ${locksOf(0).join(",")} a go ${addressesOf(0).join(" ")}`);
    await raw.until("100", /^at unbind/);
    const [child] = childPidsOf(raw);
    process.kill(child ?? 0, "SIGTERM");
    await sleep(200);
    expect(raw.output).not.toMatch(/fail 100/);
    process.kill(child ?? 0, "SIGKILL");
    sysfs.readAgain("drivers/stuck/unbind");
    for (let n = 0; n < 2; n++) {
      raw.write("beat");
      await sleep(100);
    }
    expect(await raw.until("100", /^fail /)).toContain("fail the process that carried it out was ended");
  });

  /** The number in the greeting is that of its sshd; the program is a child of it. */
  const sessionOf = (raw: RawProgram): number => Number(/^ready \S+ (\d+)/m.exec(raw.output)?.[1]);
  const childrenAt = (pid: number): number[] =>
    readdirSync("/proc").flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(parent) === pid && state !== "Z" ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  const pidOf = (raw: RawProgram): number => childrenAt(sessionOf(raw))[0] ?? 0;
  const childPidsOf = (raw: RawProgram): number[] => childrenAt(pidOf(raw));
  const childrenOf = (raw: RawProgram): number => childPidsOf(raw).length;
  const sessionsOf = (raw: RawProgram): number => (existsSync(`/proc/${sessionOf(raw)}`) ? 1 : 0);
});
