import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { SshConnection } from "../../provider/ssh";
import { HOST_HELPER } from "../../provider/host/helper/helper-program";
import { helpersHolding, isPending, LOCK_DIR, lockFiles, own } from "./support/lock-files";
import { run } from "./support/run";
import { openHelper } from "../support/open-helper";
import { Bench, type Sshd, waitUntil } from "../support/sshd";

jest.setTimeout(40_000);

describe("locks", () => {
  const bench = new Bench();
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterAll(() => bench.tearDown());

  const connect = (): Promise<SshConnection> => bench.pool().acquire(sshd.target(bench.login));
  it("are exclusive between two connections, granted once free, and leave nothing", async () => {
    const [one, two] = [await connect(), await connect()];
    const first = await openHelper(one).lock([own("a"), own("b")]);
    expect([...lockFiles()].sort()).toEqual([
      `multifunction-pci.${own("a")}.lock`,
      `multifunction-pci.${own("b")}.lock`,
    ]);
    const second = openHelper(two).lock([own("a"), own("b")]);
    expect(await isPending(second)).toBe(true);
    const startedAt = Date.now();
    await first.release();
    const lock = await second;
    expect(Date.now() - startedAt).toBeLessThan(1000);
    // The new holder holds folders that are there, not those that the old one has removed.
    expect(lockFiles()).toHaveLength(2);
    await lock.release();
    expect(lockFiles()).toEqual([]);
    expect(helpersHolding("a")).toEqual([]);
  });

  it("are taken in order: no later name while an earlier one waits", async () => {
    const [one, two, three] = [await connect(), await connect(), await connect()];
    const first = await openHelper(one).lock([own("a")]);
    const both = openHelper(two).lock([own("a"), own("b")]);
    expect(await isPending(both)).toBe(true);
    const later = await openHelper(three).lock([own("b")]);
    await first.release();
    expect(await isPending(both)).toBe(true);
    await later.release();
    await (await both).release();
    expect(lockFiles()).toEqual([]);
  });

  it.each([
    ["one lock", ["a"]],
    ["two locks", ["a", "b"]],
  ])("are granted in turn to many who want %s, one at a time", async (_what, names) => {
    const connections = await Promise.all([connect(), connect(), connect(), connect()]);
    let inside = 0;
    let most = 0;
    let rounds = 0;
    await Promise.all(
      connections.flatMap((connection) =>
        Array.from({ length: 6 }, async () => {
          const lock = await openHelper(connection).lock(names.map(own));
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setTimeout(resolve, 10));
          inside -= 1;
          rounds += 1;
          await lock.release();
        }),
      ),
    );
    expect({ most, rounds }).toEqual({ most: 1, rounds: 24 });
    expect(lockFiles()).toEqual([]);
  });

  it("are taken on the existing folder, even if removed before the lock", async () => {
    const { workspace } = bench;
    const file = join(LOCK_DIR, `multifunction-pci.${own("a")}.lock`);
    const once = workspace.write("remove-once", "");
    const flock = join(workspace.path, "real-flock");
    copyFileSync("/usr/bin/flock", flock);
    // Stands in for somebody who takes it for one that was left, in this very moment.
    const script = `#!/bin/sh\n[ -e ${once} ] && rm ${once} && rmdir ${file}\nexec ${flock} "$@"\n`;
    chmodSync(workspace.write("flock", script), 0o755);
    const racing = await bench.startSshd({ inPlaceOf: [["/usr/bin/flock", join(workspace.path, "flock")]] });
    const connection = await bench.pool().acquire(racing.target(bench.login));
    const lock = await openHelper(connection).lock([own("a")]);
    expect(existsSync(once)).toBe(false);
    expect(existsSync(file)).toBe(true);
    await lock.release();
    expect(existsSync(file)).toBe(false);
  });

  it("are first come first served within one process, on one helper", async () => {
    const connection = await connect();
    const order: number[] = [];
    const first = await openHelper(connection).lock([own("a")]);
    const others = [1, 2, 3].map(async (index) => {
      const lock = await openHelper(connection).lock([own("a")]);
      order.push(index);
      await lock.release();
    });
    await first.release();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
  });

  it("let the waiter's clock stand for this process's locks, and run for another's", async () => {
    const [one, two] = [await connect(), await connect()];
    let stands = false;
    const clock = { pause: () => void (stands = true), resume: () => void (stands = false) };
    const others = await openHelper(two).lock([own("a")]);
    const first = openHelper(one).lock([own("a")]);
    const second = openHelper(one).lock([own("b"), own("a")], undefined, { clock });
    expect(await isPending(first)).toBe(true);
    expect(stands).toBe(false);
    await others.release();
    const held = await first;
    expect(stands).toBe(true);
    // also where the lock was held before one came to wait
    const third = openHelper(one).lock([own("a")], AbortSignal.timeout(500), { clock });
    await expect(third).rejects.toMatchObject({ code: "SSH_LOCK_NOT_GRANTED" });
    expect(stands).toBe(false);
    await held.release();
    await (await second).release();
    expect(stands).toBe(false);
    expect(lockFiles()).toEqual([]);
  });

  it("do not hinder each other under other names", async () => {
    const [one, two] = [await connect(), await connect()];
    const locks = await Promise.all([openHelper(one).lock([own("a")]), openHelper(two).lock([own("b")])]);
    await expect(Promise.all(locks.map((lock) => lock.release()))).resolves.toHaveLength(2);
  });

  it("report once, after two seconds, what is awaited; and end by signal", async () => {
    const [one, two] = [await connect(), await connect()];
    const first = await openHelper(one).lock([own("b")]);
    const notices: string[] = [];
    const waiting = openHelper(two).lock([own("a"), own("b")], AbortSignal.timeout(2500), {
      onWaiting: (name) => notices.push(name),
    });
    const error = await waiting.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_LOCK_NOT_GRANTED", cause: { name: "TimeoutError" } });
    expect(String(error)).toContain(`waiting for lock ${own("b")}`);
    expect(notices).toEqual([own("b")]);
    // What it held and what it waited for is let go of.
    await (await openHelper(two).lock([own("a")], AbortSignal.timeout(1000))).release();
    await first.release();
    await (await openHelper(one).lock([own("a"), own("b")], AbortSignal.timeout(1000))).release();
    expect(lockFiles()).toEqual([]);
    expect(helpersHolding("b")).toEqual([]);
  });

  it("may be released twice, and after the connection has ended", async () => {
    const connection = await connect();
    const lock = await openHelper(connection).lock([own("a")]);
    await Promise.all([lock.release(), lock.release()]);
    const again = await openHelper(connection).lock([own("a")]);
    (await connection.exec('kill -KILL "$PPID"')).stdio.resume();
    expect(await again.lost).toMatchObject({ code: "SSH_LOCK_LOST" });
    await again.release();
  });

  it("take only names that are safe on the host", async () => {
    const connection = await connect();
    await expect(openHelper(connection).lock(["a b"])).rejects.toThrow(RangeError);
    await expect(openHelper(connection).lock(["../x"])).rejects.toThrow(RangeError);
    await expect(openHelper(connection).lock(["a", "a"])).rejects.toThrow(RangeError);
  });

  it("are let go of when the pool is closed, with files and processes", async () => {
    const pool = bench.pool();
    const connection = await pool.acquire(sshd.target(bench.login));
    await openHelper(connection).lock([own("a")]);
    await pool.close();
    const gone = waitUntil(
      "files and helper are gone",
      () => lockFiles().length + helpersHolding("a").length === 0,
      2000,
    );
    await expect(gone).resolves.toBeUndefined();
  });

  it("end their connection when the helper is killed: nobody acts without locks", async () => {
    const connection = await connect();
    const lock = await openHelper(connection).lock([own("a")]);
    const [helper] = helpersHolding("a");
    process.kill(Number(helper), "SIGKILL");
    expect(await lock.lost).toMatchObject({ code: "SSH_LOCK_LOST" });
    expect(connection.isOpen).toBe(false);
  });

  it("end their connection when the helper is asked to terminate", async () => {
    const connection = await connect();
    const lock = await openHelper(connection).lock([own("a")]);
    const [helper] = helpersHolding("a");
    process.kill(Number(helper), "SIGTERM");
    expect(await lock.lost).toMatchObject({ code: "SSH_LOCK_LOST" });
    expect(await connection.closed).toMatchObject({ code: "SSH_CONNECTION_LOST" });
    await waitUntil("the file is gone", () => lockFiles().length === 0);
  });

  it("work whichever of the usual shells is the login shell", async () => {
    const connection = await connect();
    for (const shell of ["/bin/sh", "/bin/bash"]) {
      const script = HOST_HELPER.command.replaceAll("'", `'\\''`);
      const process = await connection.exec(
        `printf %s 'quit now' | ${shell} -c '${script}; echo unreachable'`,
      );
      process.stdio.resume();
      // Reads its program, finds it too short and ends: bash was reached, with the quotes intact.
      expect(await process.exited).toMatchObject({ code: 1 });
      expect(process.stderrText).toBe("");
    }
  });

  it("say which tool is missing on the host", async () => {
    const bare = await bench.startSshd({ config: ["SetEnv PATH=/nonexistent"] });
    const connection = await bench.pool().acquire(bare.target(bench.login));
    const locked = openHelper(connection).lock([own("a")]);
    await expect(locked).rejects.toMatchObject({ code: "SSH_HELPER_TOOL_MISSING" });
    await expect(locked).rejects.toThrow(/has no "bash"/);
  });

  it("leave no process behind once all are released and closed", async () => {
    const pool = bench.pool();
    const connection = await pool.acquire(sshd.target(bench.login));
    const [first, second] = [
      await openHelper(connection).lock([own("a")]),
      openHelper(connection).lock([own("a")]),
    ];
    await first.release();
    await (await second).release();
    const { stdout } = await run(connection, 'echo "$PPID"; ps -o pid= --ppid "$PPID"');
    const pids = stdout.trim().split(/\s+/);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    await pool.close();
    await waitUntil("sshd's session and the helper are gone", () =>
      pids.every((pid) => !existsSync(`/proc/${pid}`)),
    );
  });
});
