import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { SshConnection } from "../../provider/ssh";
import { HOST_HELPER } from "../../provider/host/helper/helper-program";
import { helpersHolding, isPending, LOCK_DIR, lockFiles, own } from "./support/lock-files";
import { openHelper } from "../support/open-helper";
import { Bench, type Sshd, waitUntil } from "../support/sshd";

jest.setTimeout(40_000);

/** Some user of the host that has nothing to do with this. */
const STRANGER = 65_534;
const pathOf = (name: string): string => join(LOCK_DIR, `multifunction-pci.${own(name)}.lock`);
const path = pathOf("a");

describe("What another user of the host puts in a lock's place", () => {
  const bench = new Bench();
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterEach(() => {
    for (const name of ["a", "b"]) rmSync(pathOf(name), { recursive: true, force: true });
  });
  afterAll(() => bench.tearDown());

  const connect = (server = sshd): Promise<SshConnection> => bench.pool().acquire(server.target(bench.login));

  it.each<[string, () => void]>([
    ["a FIFO", () => void execFileSync("mkfifo", [path])],
    ["a link to a folder", () => symlinkSync("/var", path)],
    ["a link to nothing", () => symlinkSync("/nonexistent", path)],
    ["a device", () => void execFileSync("mknod", [path, "c", "5", "0"])],
  ])("if it is %s, is named and left alone, and blocks no lock", async (_what, put) => {
    put();
    const connection = await connect();
    const other = await openHelper(connection).lock([own("b")]);
    const locked = openHelper(connection).lock([own("a")], AbortSignal.timeout(15_000));
    await expect(locked).rejects.toThrow(`${path} is no folder`);
    await (await openHelper(connection).lock([own("c")], AbortSignal.timeout(5_000))).release();
    await other.release();
    expect(lockFiles()).toEqual([path.slice(LOCK_DIR.length + 1)]);
  });

  it("if it links to a silent file system, blocks neither locks nor ends", async () => {
    const folder = join(bench.workspace.path, "mute");
    mkdirSync(folder);
    const fuse = openSync("/dev/fuse", "r+");
    const mount = "-i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other mute".split(" ");
    execFileSync("mount", [...mount, folder], { stdio: ["ignore", "ignore", "inherit", fuse] });
    try {
      // of its own copy of all mounts only this server has it, so that nothing else of this machine is held
      // up
      const log = bench.workspace.write("own-mounts", "");
      const server = await bench
        .startSshd({ inPlaceOf: [[log, log]] })
        .finally(() => execFileSync("umount", ["-l", folder]));
      symlinkSync(join(folder, "within"), path);
      const pool = bench.pool();
      const connection = await pool.acquire(server.target(bench.login));
      await openHelper(connection).lock([own("b")]);
      await expect(openHelper(connection).lock([own("a")], AbortSignal.timeout(5_000))).rejects.toThrow(
        `${path} is no folder`,
      );
      await (await openHelper(connection).lock([own("c")], AbortSignal.timeout(5_000))).release();
      await pool.close();
      await waitUntil("the other lock is free", () => !existsSync(pathOf("b")), 3_000);
    } finally {
      // whoever still asks it is told that it has ended
      closeSync(fuse);
    }
  });

  it("in the moment after the look, holds up neither locks nor end", async () => {
    const { workspace } = bench;
    const mkdir = join(workspace.path, "real-mkdir");
    copyFileSync("/usr/bin/mkdir", mkdir);
    // says that it has made the folder, and there is a FIFO
    const script = `#!/bin/sh\ncase "$*" in *${own("a")}*) exec mkfifo ${path} ;; esac\nexec ${mkdir} "$@"\n`;
    chmodSync(workspace.write("mkdir", script), 0o755);
    const swapping = await bench.startSshd({
      inPlaceOf: [["/usr/bin/mkdir", join(workspace.path, "mkdir")]],
    });
    const pool = bench.pool();
    const connection = await pool.acquire(swapping.target(bench.login));
    await openHelper(connection).lock([own("b")]);
    await expect(openHelper(connection).lock([own("a")], AbortSignal.timeout(15_000))).rejects.toMatchObject({
      code: "SSH_HELPER_FAILED",
    });
    expect(helpersHolding("b")).toHaveLength(1);
    await pool.close();
    await waitUntil("the other lock is free", () => !existsSync(pathOf("b")), 3_000);
  });

  it.each<[string, () => void]>([
    ["a folder", () => mkdirSync(path)],
    ["a plain file", () => writeFileSync(path, "")],
  ])("if it is %s that nobody holds, is cleared away by root", async (_what, put) => {
    put();
    chownSync(path, STRANGER, STRANGER);
    const connection = await connect();
    const lock = await openHelper(connection).lock([own("a")], AbortSignal.timeout(10_000));
    expect(helpersHolding("a")).toHaveLength(1);
    await lock.release();
    expect(lockFiles()).toEqual([]);
  });

  it("and cannot be cleared away, is named with the cure", async () => {
    mkdirSync(join(path, "within"), { recursive: true });
    chownSync(path, STRANGER, STRANGER);
    const connection = await connect();
    const locked = openHelper(connection).lock([own("a")], AbortSignal.timeout(10_000));
    await expect(locked).rejects.toThrow(`${path} is in the way`);
    await expect(locked).rejects.toThrow("remove it");
  });

  it("is waited for while locked, as releases that lock plain files do", async () => {
    writeFileSync(path, "");
    const holder = spawn("flock", [path, "cat"], { stdio: ["pipe", "ignore", "ignore"] });
    try {
      await waitUntil("it is held", () => helpersHolding("a").length > 0);
      const connection = await connect();
      const locking = openHelper(connection).lock([own("a")], AbortSignal.timeout(20_000));
      expect(await isPending(locking, 1_500)).toBe(true);
      rmSync(path);
      holder.stdin.end();
      await (await locking).release();
      expect(lockFiles()).toEqual([]);
    } finally {
      holder.kill();
    }
  });

  it("and locks for ever is waited for no longer than the operation has time", async () => {
    mkdirSync(path);
    const holder = spawn("flock", [path, "cat"], { stdio: ["pipe", "ignore", "ignore"] });
    try {
      await waitUntil("it is held", () => helpersHolding("a").length > 0);
      const connection = await connect();
      await expect(openHelper(connection).lock([own("a")], AbortSignal.timeout(1_500))).rejects.toMatchObject(
        {
          code: "SSH_LOCK_NOT_GRANTED",
        },
      );
      await (await openHelper(connection).lock([own("b")])).release();
    } finally {
      holder.kill();
    }
  });
});

describe("A lock of a helper that was killed", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  it("is taken by the next, though its folder has stayed", async () => {
    const sshd = await bench.startSshd();
    const dead = await bench.pool().acquire(sshd.target(bench.login));
    await openHelper(dead).lock([own("a")]);
    process.kill(Number(helpersHolding("a")[0]), "SIGKILL");
    await dead.closed;
    expect(existsSync(path)).toBe(true);
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    const lock = await openHelper(connection).lock([own("a"), own("b")], AbortSignal.timeout(10_000));
    expect(lockFiles()).toHaveLength(2);
    await lock.release();
    expect(lockFiles()).toEqual([]);
  });
});

describe("Locks that are asked for together", () => {
  const bench = new Bench();
  const { workspace } = bench;
  const names = ["a", "b", "c"].map(own);
  const mkdir = join(workspace.path, "real-mkdir");
  const log = workspace.write("log", "");
  const once = join(workspace.path, "once");

  beforeAll(() => copyFileSync("/usr/bin/mkdir", mkdir));
  afterEach(() => {
    for (const name of ["a", "b", "c"]) rmSync(pathOf(name), { recursive: true, force: true });
  });
  afterAll(() => bench.tearDown());

  /** @param meanwhile what somebody does in the moment after the look, the first time */
  const connect = async (meanwhile: string): Promise<SshConnection> => {
    writeFileSync(log, "");
    writeFileSync(once, "");
    // login scripts of this machine may make folders too
    const script =
      `#!/bin/sh\ncase "$*" in *${own("")}*) echo mkdir >>${log} ;; *) exec ${mkdir} "$@" ;; esac\n` +
      `[ -e ${once} ] && rm ${once} && { ${meanwhile}; }\nexec ${mkdir} "$@"\n`;
    chmodSync(workspace.write("mkdir", script), 0o755);
    const sshd = await bench.startSshd({ inPlaceOf: [["/usr/bin/mkdir", join(workspace.path, "mkdir")]] });
    return bench.pool().acquire(sshd.target(bench.login));
  };

  it("cost one process for all their folders", async () => {
    const connection = await connect("true");
    const lock = await openHelper(connection).lock(names);
    expect(readFileSync(log, "utf8")).toBe("mkdir\n");
    for (const name of ["a", "b", "c"]) expect(helpersHolding(name)).toHaveLength(1);
    await lock.release();
    expect(lockFiles()).toEqual([]);
  });

  it("are not held behind one just taken, and leave no folder", async () => {
    const taken = pathOf("b");
    const connection = await connect(
      `${mkdir} ${taken}; setsid flock ${taken} sleep 3 >/dev/null 2>&1 </dev/null & sleep 0.2`,
    );
    const locking = openHelper(connection).lock(names, AbortSignal.timeout(20_000));
    await waitUntil("it is asked for", () => !existsSync(once));
    await waitUntil("what it can have is held", () => helpersHolding("a").length === 1, 2_000);
    expect(await isPending(locking, 1_000)).toBe(true);
    expect(helpersHolding("c")).toEqual([]);
    expect([...lockFiles()].sort()).toEqual(["a", "b"].map((name) => `multifunction-pci.${own(name)}.lock`));
    await (await locking).release();
    expect(lockFiles()).toEqual([]);
  });
});

describe("A client that stands still", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  it("with its channel full and a lock asked for, still loses its locks", async () => {
    const ip = bench.workspace.write(
      "ip",
      "#!/bin/sh\necho '[]'\necho '[]'\nyes $(printf %0900d 0) | head -n 8000\n",
    );
    chmodSync(ip, 0o755);
    const sshd = await bench.startSshd({ inPlaceOf: [["/usr/bin/ip", ip]] });
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    const login = ["-F", "none", "-i", bench.clientKey, "-p", String(sshd.port), "root@127.0.0.1"];
    const client = spawn("ssh", [...options.flatMap((one) => ["-o", one]), ...login, HOST_HELPER.command]);
    const { stdin, stdout, stderr } = client;
    const ended = new Promise((resolve) => client.once("exit", resolve));
    try {
      let read = "";
      for (const stream of [stdout, stderr])
        stream.on("data", (bytes: Buffer) => (read += bytes.toString("latin1")));
      stdin.write(HOST_HELPER.text);
      await waitUntil("it is ready", () => read.includes("ready"));
      stdin.write(`lock 1 ${own("a")}\n`);
      await waitUntil("it is locked", () => read.includes("= got 1"));
      stdout.pause();
      stderr.pause();
      stdin.write("survey 2\n");
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      // more than fits behind the last whole answer in a pipe that takes no other
      const many = Array.from({ length: 40 }, (_, n) => own(`b${n}`));
      stdin.write(`lock 3 ${many.join(" ")}\n`);
      await waitUntil("another lock is taken", () => helpersHolding("b").length > 0);
      const gone = waitUntil("all are let go of", () => lockFiles().length === 0, 16_000);
      await expect(gone).resolves.toBeUndefined();
    } finally {
      client.kill("SIGKILL");
      await ended;
    }
  });
});

describe("Where a lock cannot be made, the error", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  it("says which, and why", async () => {
    const full = join(bench.workspace.path, "mkdir");
    writeFileSync(
      full,
      '#!/bin/sh\necho "mkdir: cannot create directory: No space left on device" >&2\nexit 1\n',
    );
    chmodSync(full, 0o755);
    const sshd = await bench.startSshd({ inPlaceOf: [["/usr/bin/mkdir", full]] });
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    await expect(openHelper(connection).lock([own("a")])).rejects.toThrow(
      new RegExp(`cannot create ${path}: .*No space left on device`),
    );
  });
});

describe("In a login whose environment", () => {
  const bench = new Bench();
  afterAll(() => bench.tearDown());

  /** Login scripts of this machine's own user are not to meet such an environment. */
  const withEnvironment = (...variables: readonly string[]) => ({
    config: [`SetEnv HOME=${join(bench.workspace.path, "home")} ${variables.join(" ")}`],
  });
  beforeAll(() => mkdirSync(join(bench.workspace.path, "home")));

  const quoted = (name: string, value: string): string => `"${name}=${value}"`;
  it.each<[string, readonly string[]]>([
    ["has a function in place of flock", [quoted("BASH_FUNC_flock%%", "() { builtin true; }")]],
    [
      "has functions in place of other commands",
      ["printf", "mkdir", "rmdir", "read", "kill", "trap", "unset"].map((name) =>
        quoted(`BASH_FUNC_${name}%%`, "() { builtin true; }"),
      ),
    ],
    ["has options for bash", ["SHELLOPTS=braceexpand:noglob:nounset:errexit", "BASHOPTS=failglob"]],
    [
      "makes bash another one",
      ["POSIXLY_CORRECT=1", "BASH_COMPAT=3.1", "FUNCNEST=1", "TMOUT=1", "CDPATH=/tmp"],
    ],
    ["hides commands", ["EXECIGNORE=*flock", "GLOBIGNORE=*"]],
    ["puts other commands first", [`PATH=${bench.workspace.path}:/usr/bin:/bin`]],
  ])("%s, locks are as exclusive as ever, and the host is looked at", async (_what, variables) => {
    chmodSync(bench.workspace.write("flock", "#!/bin/sh\nexit 0\n"), 0o755);
    const sshd = await bench.startSshd(withEnvironment(...variables));
    const [one, two] = await Promise.all(
      [bench.pool(), bench.pool()].map((pool) => pool.acquire(sshd.target(bench.login))),
    );
    if (one === undefined || two === undefined) throw new Error("no connection");
    const first = await openHelper(one).lock([own("a")]);
    const second = openHelper(two).lock([own("a")]);
    expect(await isPending(second, 1_000)).toBe(true);
    expect((await openHelper(one).readFacts()).interfaces.map(({ name }) => name)).toContain("lo");
    await first.release();
    await (await second).release();
    expect(lockFiles()).toEqual([]);
  });

  it("starts another shell in place of the command, nothing is carried out", async () => {
    const script = bench.workspace.write(join("home", ".bashrc"), "exec dash\n");
    const sshd = await bench.startSshd(withEnvironment());
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    await expect(openHelper(connection).lock([own("a")])).rejects.toThrow(
      /login script starts another shell/,
    );
    expect(lockFiles()).toEqual([]);
    rmSync(script);
  });

  it.each([
    ["changes commands", "flock() { builtin true; }\nset -o noclobber\n"],
    ["ends it", "exit 0\n"],
  ])("has a file for bash that %s, the helper does not read it", async (_what, text) => {
    const file = bench.workspace.write("bash-env", text);
    const sshd = await bench.startSshd(withEnvironment(`BASH_ENV=${file}`));
    const one = await bench.pool().acquire(sshd.target(bench.login));
    const two = await bench.pool().acquire(sshd.target(bench.login));
    const first = await openHelper(one).lock([own("a")]);
    const second = openHelper(two).lock([own("a")]);
    expect(await isPending(second, 1_000)).toBe(true);
    await first.release();
    await (await second).release();
  });

  it("starts bash without its option -p, that is refused in words", async () => {
    const bash = join(bench.workspace.path, "real-bash");
    copyFileSync("/bin/bash", bash);
    const folder = join(bench.workspace.path, "bin");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "bash"),
      `#!/bin/sh\nfor one; do shift; [ "$one" = -p ] || set -- "$@" "$one"; done\nexec ${bash} "$@"\n`,
    );
    chmodSync(join(folder, "bash"), 0o755);
    const sshd = await bench.startSshd(withEnvironment(`PATH=${folder}:/usr/bin:/bin`));
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    await expect(openHelper(connection).lock([own("a")])).rejects.toThrow(/without its option -p/);
  });
});
