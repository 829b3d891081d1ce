import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Bench, waitUntil, type Sshd } from "../support/sshd";

/** The life of a ProxyCommand's processes, whatever becomes of the connection. */
const bench = new Bench();
const { workspace } = bench;
let sshd: Sshd;
beforeAll(async () => {
  sshd = await bench.startSshd();
});
afterAll(() => bench.tearDown());

let count = 0;
/** A target behind a command, which writes down its process before it goes on. */
const behind = (command: string, fields = {}) => {
  const pidFile = join(workspace.path, `pid.${(count += 1)}`);
  const target = sshd.target({
    ...bench.login,
    route: { proxyCommand: `sh -c 'echo $$ >${pidFile}; ${command}'` },
    ...fields,
  });
  return { target, pidOf: () => Number(readFileSync(pidFile, "utf8")), pidFile };
};
const relay = () => `exec socat - TCP:127.0.0.1:${sshd.port}`;
const isRunning = (pid: number): boolean => {
  // a zombie has ended
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) Z /.test(readFileSync(file, "utf8"));
};
const ended = (pid: number) => waitUntil(`process ${pid} has ended`, () => !isRunning(pid));
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => Promise.reject(new Error("was let in")),
    (error: unknown) => error as Error & { code?: string },
  );

describe("a ProxyCommand", () => {
  it("ends with its connection", async () => {
    const pool = bench.pool();
    const { target, pidOf } = behind(relay());
    const connection = await pool.acquire(target);
    expect(isRunning(pidOf())).toBe(true);
    await pool.close();
    await ended(pidOf());
    expect(connection.isOpen).toBe(false);
  });

  it("ends with its connection though it heeds neither end of file nor SIGHUP", async () => {
    const pool = bench.pool();
    const { target, pidOf } = behind(
      `trap "" HUP; socat - TCP:127.0.0.1:${sshd.port}; exec sleep 300 </dev/null >/dev/null 2>&1`,
    );
    await pool.acquire(target);
    await pool.close();
    await ended(pidOf());
    expect(isRunning(pidOf())).toBe(false);
  });

  it("takes what it has started along", async () => {
    const pool = bench.pool();
    const other = join(workspace.path, "pid.helper");
    const { target } = behind(`sleep 300 & echo $! >${other}; ${relay()}`);
    await pool.acquire(target);
    await pool.close();
    await ended(Number(readFileSync(other, "utf8")));
    expect(isRunning(Number(readFileSync(other, "utf8")))).toBe(false);
  });

  it("that ends takes the connection along, and its last words are told", async () => {
    const { target, pidOf } = behind(
      `trap "echo the tunnel was shut >&2; exit 7" TERM; exec 3<&0; ${relay().slice(5)} <&3 & wait`,
    );
    const connection = await bench.pool().acquire(target);
    process.kill(-pidOf(), "SIGTERM");
    expect(String(await connection.closed)).toMatch(
      /ProxyCommand ended with status 7 and said: the tunnel was shut.*SSH_CONNECTION_LOST/s,
    );
  });

  it("ends with a dial that is given up", async () => {
    const { target, pidOf, pidFile } = behind("exec sleep 300");
    const stop = new AbortController();
    const dialled = failureOf(bench.pool().acquire(target, stop.signal));
    await waitUntil("the command runs", () => existsSync(pidFile) && pidOf() > 0);
    stop.abort(new Error("enough"));
    expect((await dialled).message).toBe("enough");
    await ended(pidOf());
  });

  it("ends with a dial whose time is over", async () => {
    const { target, pidOf } = behind("echo still dialling >&2; exec sleep 300", { perDialTimeoutSeconds: 4 });
    const error = await failureOf(bench.pool().acquire(target));
    expect(error.code).toBe("SSH_DIAL_FAILED");
    expect(error.message).toContain("no answer within 4 s; ProxyCommand says: still dialling");
    await ended(pidOf());
  });

  it("is begun anew for each dial", async () => {
    const { target } = behind(
      `test -e ${workspace.path}/second || { touch ${workspace.path}/second; echo not yet >&2; exit 1; }; ${relay()}`,
      { dialErrorLimit: 2 },
    );
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("that fails is quoted: the end of what it says, on one line", async () => {
    const { target } = behind(`seq 100000 >&2; printf "gone\\nfor \\033[1mgood\\n" >&2; exit 1`);
    const error = await failureOf(bench.pool().acquire(target));
    expect(error.message).toContain("ProxyCommand ended with status 1 and said: ");
    expect(error.message).not.toContain("\u001b");
    expect(error.message).not.toContain("\n");
    expect(error.message.length).toBeLessThan(1500);
  });

  it("has no credential in its environment", async () => {
    const seen = join(workspace.path, "environment");
    process.env["MULTIFUNCTION_PCI_PASSWORD"] = "hunter2";
    process.env["PULUMI_CONFIG_PASSPHRASE"] = "hunter2";
    const { target } = behind(`env >${seen}; exit 1`);
    await failureOf(bench.pool().acquire(target));
    delete process.env["MULTIFUNCTION_PCI_PASSWORD"];
    delete process.env["PULUMI_CONFIG_PASSPHRASE"];
    expect(readFileSync(seen, "utf8")).toMatch(/^PATH=/m);
    expect(readFileSync(seen, "utf8")).not.toContain("hunter2");
  });

  it("without a shell is a failure of the dial", async () => {
    const shell = process.env["SHELL"];
    process.env["SHELL"] = join(workspace.path, "no-shell");
    try {
      const error = await failureOf(bench.pool().acquire(behind("true").target));
      expect(error.message).toMatch(/the shell for ProxyCommand cannot be started .*ENOENT/);
    } finally {
      if (shell === undefined) delete process.env["SHELL"];
      else process.env["SHELL"] = shell;
    }
  });

  it("ends with a provider that is killed", async () => {
    const pidFile = join(workspace.path, "pid.orphan");
    const script = workspace.write(
      "hold.ts",
      `import { startShellCommand } from ${JSON.stringify(join(__dirname, "../../provider/ssh/config/shell-command"))};
       startShellCommand("sh -c 'echo $$ >${pidFile}; trap \\"\\" HUP; exec sleep 300 </dev/null'");
       setInterval(() => undefined, 1000);`,
    );
    const tsx = join(__dirname, "../../node_modules/.bin/tsx");
    const provider = spawn(process.execPath, [tsx, script], { stdio: "ignore", detached: true });
    await waitUntil(
      "the command runs",
      () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "",
      30_000,
    );
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(isRunning(pid)).toBe(true);
    process.kill(-(provider.pid ?? 0), "SIGKILL");
    await ended(pid);
    expect(isRunning(pid)).toBe(false);
  });
});
