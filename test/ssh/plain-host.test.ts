import { execFileSync, spawn } from "node:child_process";
import { setMaxListeners } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { plainMonitor } from "../../provider/hypervisor/plain-qemu";
import { hostProgram, installedHostProgram } from "../../provider/hypervisor/plain-qemu/program/host-program";
import { HostRequests } from "../../provider/hypervisor/plain-qemu/program/host-requests";
import { OperationRequests } from "../../provider/hypervisor/plain-qemu/program/operation-requests";
import { sentProgram } from "../../provider/host/helper";
import { parseHostLook } from "../../provider/hypervisor/plain-qemu/program/host-look";
import type { HeldLocks } from "../../provider/apply";
import type { SshConnection } from "../../provider/ssh";
import { FakeSysfs } from "../support/plain-host";
import { Bench, waitUntil } from "../support/sshd";

const four = [0, 1, 2, 3].map((n) => `0000:01:00.${n}`);
const { signal } = new AbortController();
// many looks wait on it at a time
setMaxListeners(0, signal);
const UUID = "33333333-3333-4333-8333-333333333333";
const clock = { pause: () => undefined, resume: () => undefined };

/** What an operation asks that holds this lock. */
async function operationOn(
  requests: HostRequests,
  lockName: string,
): Promise<{ readonly operation: OperationRequests; readonly locks: HeldLocks }> {
  const operation = new OperationRequests({
    requests,
    socket: "/run/vm.qmp",
    owner: "organization/net/dev/nic",
  });
  const lock = operation.lockOf({ acquire: (names) => requests.helper.lock(names, signal) });
  return { operation, locks: await lock.acquire([lockName], signal, clock) };
}

describe("a host without libvirt, behind a real sshd", () => {
  const bench = new Bench();
  const sysfs = new FakeSysfs();
  const { folders } = sysfs;
  const socket = join(bench.workspace.path, "vm.qmp");
  let connection: SshConnection;
  let requests: HostRequests;
  let operation: OperationRequests;

  beforeAll(async () => {
    const sshd = await bench.startSshd();
    connection = await bench.pool().acquire(sshd.target(bench.login));
    requests = new HostRequests(connection, "login", folders);
    ({ operation } = await operationOn(requests, "group-5"));
  });
  afterAll(async () => {
    await bench.tearDown();
    sysfs.close();
  });

  it("the program is ASCII, of which its length is told to the shell", () => {
    expect(hostProgram()).toMatch(/^[\t\n\x20-\x7e]+$/);
    expect(installedHostProgram()).toMatch(/^#!\/bin\/bash -p\n[\t\n\x20-\x7e]+$/);
  });

  it("binds all functions in one request, and returns each to its driver", async () => {
    await operation.change(`bind go ${four.join(" ")}`, signal);
    expect(sysfs.drivers).toEqual(four.map(() => "vfio-pci"));
    await operation.change(`bind go ${four.join(" ")}`, signal);
    expect(sysfs.writes).toHaveLength(8);
    const records = await operation.change(
      `release ${four[0]}=e1000e ${four[1]}=- ${four[2]}=? ${four[3]}=vfio-pci`,
      signal,
    );
    expect(records.map(({ kind, text }) => `${kind} ${text.split(" ")[4]}`)).toEqual([
      "function e1000e",
      "function -",
      "function e1000e",
    ]);
    expect(sysfs.drivers).toEqual(["e1000e", "-", "e1000e", "vfio-pci"]);
    await operation.change(`release ${four.map((one) => `${one}=e1000e`).join(" ")}`, signal);
    expect(sysfs.drivers).toEqual(four.map(() => "e1000e"));
  });

  it("does not unbind what a process has open, names it, and waits", async () => {
    await operation.change(`bind go ${four.join(" ")}`, signal);
    const holder = (seconds: number): string =>
      execFileSync("bash", ["-c", `exec 5<>${folders.vfio}/5; sleep ${seconds} >/dev/null 2>&1 & echo $!`], {
        encoding: "utf8",
      }).trim();
    const pid = holder(30);
    const release = `release ${four.map((one) => `${one}=e1000e`).join(" ")}`;
    const [busy] = await operation.change(release, signal);
    expect(busy?.kind).toBe("busy");
    expect(busy?.text).toMatch(new RegExp(`^0000:01:00\\.\\d ${pid} sleep$`));
    expect(sysfs.drivers).toEqual(four.map(() => "vfio-pci"));
    process.kill(Number(pid));
    holder(1);
    expect(await operation.change(release, signal)).toHaveLength(4);
    expect(sysfs.drivers).toEqual(four.map(() => "e1000e"));
  });

  it("keeps a ledger file as it was written, and removes it", async () => {
    const text = `{"socket":"${socket}","a":"'\\"$(reboot)\`\\\\ Ä  b","address":"0000:01:00.1"}`;
    await operation.change(`write ${UUID} - ${text}`, signal);
    const name = `guest-${UUID}.json`;
    expect(readFileSync(join(folders.ledger, name), "utf8")).toBe(`${text}\n`);
    expect(await requests.look(`ledger ${UUID}`, signal)).toEqual([
      { kind: "ledger", text: `${name} ${text}` },
    ]);
    // the functions it names are looked at, with their groups, by whoever asks for its guest
    const seenBy = async (one: string): Promise<string[]> =>
      (await requests.look(`look qemu ${one}`, signal))
        .map(({ kind }) => kind)
        .filter((kind) => kind !== "host");
    expect(await seenBy(socket)).toEqual(["socket", "ledger", ...four.map(() => "function")]);
    expect(await seenBy(`${socket}2`)).toEqual(["socket"]);
    expect(await seenBy(`${socket}2 ${UUID}`)).toEqual(["socket", "ledger", ...four.map(() => "function")]);
    expect(await seenBy(`${socket}2 ${four[1]}`)).toEqual([
      "socket",
      "ledger",
      ...four.map(() => "function"),
    ]);
    await operation.change(`write ${UUID} -`, signal);
    expect(await requests.look(`ledger ${UUID}`, signal)).toEqual([]);
    expect(execFileSync("stat", ["-c", "%a", folders.ledger], { encoding: "utf8" }).trim()).toBe("700");
  });

  it.each([
    ["without a line break at its end", "%"],
    ["with two", "%\n\n"],
    ["with Windows' line ends", "%\r\n"],
    [
      "in several lines, as an editor may leave it",
      '{ "socket" : "SOCKET",\n  "address" : "0000:01:00.1"\n}',
    ],
    ["of nothing", ""],
    ["of one broken line", "{"],
  ])("tells a ledger file %s as it is, and never as none", async (_name, form) => {
    const compact = `{"socket":"${socket}","a":"Ä  b","address":"0000:01:00.1"}`;
    const text = form.replace("%", compact).replace("SOCKET", socket);
    const name = `guest-${UUID}.json`;
    writeFileSync(join(folders.ledger, name), text);
    try {
      const [told] = await requests.look(`ledger ${UUID}`, signal);
      expect(told?.kind).toBe("ledger");
      expect(told?.text.slice(0, name.length + 1)).toBe(`${name} `);
      expect(
        told?.text
          .slice(name.length + 1)
          .split(/\s/)
          .join(""),
      ).toBe(text.split(/\s/).join(""));
      const records = await requests.look(`look qemu ${socket}`, signal);
      expect(records).toContainEqual(told);
      const shown = records.filter((one) => one.kind === "function");
      expect(shown).toHaveLength(text.includes(socket) ? 4 : 0);
    } finally {
      await operation.change(`write ${UUID} -`, signal);
    }
  });

  it("does not take a ledger file that cannot be read for none", async () => {
    const path = join(folders.ledger, `guest-${UUID}.json`);
    symlinkSync("/nowhere", path);
    try {
      for (const look of [`look - ${socket}`, `ledger ${UUID}`])
        await expect(requests.look(look, signal)).rejects.toThrow(/cannot read .*guest-.*json/);
    } finally {
      await operation.change(`write ${UUID} -`, signal);
    }
  });

  it("tells where a socket really is, whatever leads to it", async () => {
    const server = createServer();
    const folder = join(bench.workspace.path, "sockets");
    mkdirSync(folder);
    await new Promise<void>((resolve) => server.listen(join(folder, "vm.qmp"), resolve));
    symlinkSync(folder, join(bench.workspace.path, "by-folder"));
    symlinkSync(join(folder, "vm.qmp"), join(bench.workspace.path, "by-name"));
    for (const way of ["sockets/vm.qmp", "by-folder/vm.qmp", "by-name"]) {
      const records = await requests.look(`look qemu ${join(bench.workspace.path, way)}`, signal);
      const texts = records.filter(({ kind }) => kind === "path").map((one) => one.text);
      expect(texts).toEqual([join(folder, "vm.qmp")]);
    }
    server.close();
  });

  it("finds who listens, by whatever way the socket was bound, and no other", async () => {
    const base = join(bench.workspace.path, "bound");
    mkdirSync(join(base, "real"), { recursive: true });
    mkdirSync(join(base, "other"));
    symlinkSync(join(base, "real"), join(base, "by-link"));
    const listen = async (path: string): Promise<Server> => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      return server;
    };
    const socketOf = async (path: string): Promise<readonly string[]> =>
      (await requests.look(`look - ${path}`, signal)).flatMap((one) =>
        one.kind === "socket" ? [one.text] : [],
      );
    const elsewhere = await listen(join(base, "other/vm.qmp"));
    expect(await socketOf(join(base, "real/vm.qmp"))).toEqual(["absent"]);
    const own = await listen(join(base, "by-link/vm.qmp"));
    for (const way of ["real/vm.qmp", "by-link/vm.qmp"])
      expect(await socketOf(join(base, way))).toEqual(["listening"]);
    own.close();
    execFileSync("python3", [
      "-c",
      `import socket; socket.socket(socket.AF_UNIX).bind("${join(base, "real/vm.qmp")}")`,
    ]);
    expect(await socketOf(join(base, "real/vm.qmp"))).toEqual(["dead"]);
    elsewhere.close();
  });

  it("waits for no file system of another user's that never answers", async () => {
    const base = join(bench.workspace.path, "silent");
    const [real, silent] = [join(base, "real"), join(base, "fuse")];
    for (const one of [real, silent]) mkdirSync(one, { recursive: true });
    // a socket that was bound before the folder was hidden by a file system whose server does not serve
    const bound = createServer();
    await new Promise<void>((resolve) => bound.listen(join(silent, "vm.qmp"), resolve));
    const mount = spawn("unshare", [
      ...["--mount", "--propagation", "private", "python3", "-c"],
      `
import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
data = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fd
if ctypes.CDLL(None, use_errno=True).mount(b"x", b"${silent}", b"fuse", 0, data) != 0: sys.exit(1)
print("ready", flush=True)
time.sleep(60)`,
    ]);
    await new Promise((resolve) => mount.stdout.once("data", resolve));
    const sshdThere = await bench.startSshd({ mountsOf: mount.pid ?? 0 });
    const there = await bench.pool().acquire(sshdThere.target(bench.login));
    execFileSync("python3", [
      "-c",
      `import socket; socket.socket(socket.AF_UNIX).bind("${join(real, "vm.qmp")}")`,
    ]);
    const startedAt = performance.now();
    const records = await new HostRequests(there, "login", folders).look(
      `look - ${join(real, "vm.qmp")}`,
      signal,
    );
    expect(records).toContainEqual({ kind: "socket", text: "dead" });
    expect(performance.now() - startedAt).toBeLessThan(8000);
    mount.kill("SIGKILL");
    bound.close();
  });

  it("tells which ledger files are of a socket, by any path, even gone", async () => {
    const base = join(bench.workspace.path, "spellings");
    const real = join(base, "run/vm.qmp");
    mkdirSync(join(base, "run"), { recursive: true });
    symlinkSync(join(base, "run"), join(base, "var-run"));
    symlinkSync(real, join(base, "link.qmp"));
    const uuids = ["a", "b", "c", "d", "e"].map((digit) => UUID.replaceAll("3", digit)) as [
      string,
      ...string[],
    ];
    const spellings = [
      real,
      join(base, "var-run/vm.qmp"),
      join(base, "link.qmp"),
      join(base, "run/other.qmp"),
    ];
    for (const [n, one] of [...spellings, "relative"].entries())
      await operation.change(
        `write ${uuids[n]} ${[real, real, real, one, "-"][n]} {"guest":{"name":"x"},"socket":"${one}","address":"0000:01:00.${n % 4}"}`,
        signal,
      );
    const told = async (path: string): Promise<Record<string, string[]>> => {
      const records = await requests.look(`look qemu ${path}`, signal);
      const of = (kind: string): string[] =>
        records.filter((one) => one.kind === kind).map((one) => one.text);
      return {
        same: of("same").sort(),
        ledger: of("ledger").map(() => "file"),
        function: of("function").map(() => "one"),
      };
    };
    const nameOf = (n: number): string => `guest-${uuids[n]}.json`;
    const five = Array<string>(5).fill("file");

    const server = createServer();
    await new Promise<void>((resolve) => server.unref().listen(real, resolve));
    for (const [n, path] of spellings.slice(0, 3).entries()) {
      const others = [0, 1, 2].filter((other) => other !== n).map(nameOf);
      expect(await told(path)).toEqual({ same: others, ledger: five, function: Array(4).fill("one") });
    }
    expect(await told(spellings[3]!)).toMatchObject({ same: [] });
    expect(await told("/nobody.qmp")).toEqual({ same: [], ledger: [], function: [] });

    await new Promise((resolve) => server.close(resolve));
    expect(existsSync(real)).toBe(false);
    // nothing leads through the link any more, but the folders are there
    expect(await told(real)).toMatchObject({ same: [nameOf(1)] });
    expect(await told(spellings[1]!)).toMatchObject({ same: [nameOf(0)] });
    for (const uuid of uuids) await operation.change(`write ${uuid} -`, signal);
  });

  it("carries out what was sent whole despite a cut, and no half line", async () => {
    const own = await bench.pool().acquire((await bench.startSshd()).target(bench.login));
    const { command, text } = sentProgram(hostProgram(folders));
    const started = await own.exec(command);
    started.stdio.resume();
    started.stdio.write(
      `${text}speak 1 2\nlock 2 guest-half\nwrite 3 guest-half ${UUID} - {}\nwrite 4 guest-half ${UUID} - {"half":`,
    );
    await waitUntil("the first is written", () => started.stderrText.includes("= done 3"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    (await own.exec('kill -KILL "$PPID"')).stdio.resume();
    await own.closed;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(readFileSync(join(folders.ledger, `guest-${UUID}.json`), "utf8")).toBe("{}\n");
    await operation.change(`write ${UUID} -`, signal);

    const other = await bench.pool().acquire((await bench.startSshd()).target(bench.login));
    const before = sysfs.writes.length;
    const cut = await operationOn(new HostRequests(other, "login", folders), "guest-cut");
    const binding = cut.operation.change(`bind go ${four.join(" ")}`, signal);
    binding.catch(() => undefined);
    await waitUntil("the first is unbound", () => sysfs.writes.length > before);
    (await other.exec('kill -KILL "$PPID"')).stdio.resume();
    // whoever comes then waits for its end
    const { release } = (await operationOn(requests, "guest-cut")).locks;
    await release();
    const records = await requests.look(`functions ${four.join(" ")}`, signal);
    expect(records.map((one) => one.text.split(" ")[4])).toEqual(four.map(() => "vfio-pci"));
    await operation.change(`release ${four.map((one) => `${one}=e1000e`).join(" ")}`, signal);
  });

  it.each([
    "bind go ../../x",
    "bind go 0000:01:00.9",
    "release 0000:01:00.0=../../x",
    "release 0000:01:00.0=e1000e=../../x",
    "release 0000:01:00.0",
    "write ../../etc/x {}",
  ])("refuses the change %s by itself, whoever sent it", async (request) => {
    await expect(operation.change(request, signal)).rejects.toMatchObject({ code: "HOST_PROGRAM_FAILED" });
  });

  it.each([
    "look - relative 0000:01:00",
    "look qemu /run/../etc 0000:01:00",
    "monitor /run/x,fork",
    "functions $(reboot)",
    "reboot",
  ])("refuses the request %s by itself, whoever sent it", async (request) => {
    await expect(requests.look(request, signal)).rejects.toMatchObject({ code: "HOST_PROGRAM_FAILED" });
  });

  it("changes nothing under locks that are not held", async () => {
    const parts = { locks: ["group-5", "group-6"], owner: "me", args: `go ${four[0]}` };
    await expect(requests.change("bind", parts, signal)).rejects.toThrow(/group-5,group-6 are not held/);
    expect(sysfs.driverOf(four[0]!)).toBe("e1000e");
  });

  it("takes no word of a request for anything else than text", async () => {
    const word = fc.string({
      unit: fc.constantFrom(..."*?[]$`'\"\\;&|<>(){}~!#=:./-ab01".split("")),
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("bind go", "release", "functions", "ledger", "monitor", "look - /x"),
        word,
        async (verb, one) => {
          const ask = /^(bind|release)/.test(verb) ? operation.change : operation.look;
          await expect(ask.call(operation, `${verb} ${one}`, signal)).rejects.toMatchObject({
            code: "HOST_PROGRAM_FAILED",
          });
        },
      ),
      { numRuns: 10 },
    );
    expect(sysfs.drivers).toEqual(four.map(() => "e1000e"));
  });

  it("twenty looks at once all come, beside one that is left", async () => {
    const looks = Array.from({ length: 20 }, () => requests.look(`functions ${four[0]}`, signal));
    const leaving = new AbortController();
    const left = requests.look(`functions ${four[0]}`, leaving.signal);
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    expect((await Promise.all(looks)).every((one) => one.length === 1)).toBe(true);
  });

  it("a signal ends a look, and a change that was begun is awaited", async () => {
    await expect(requests.look(`functions ${four[0]}`, AbortSignal.abort(new Error("left")))).rejects.toThrow(
      "left",
    );
    await expect(
      operation.change(`bind go ${four[0]}`, AbortSignal.abort(new Error("left"))),
    ).rejects.toThrow("left");
    expect(sysfs.driverOf(four[0]!)).toBe("e1000e");
  });

  describe("with a QEMU's monitor, or what looks like one", () => {
    const answers = (server: Server): Server =>
      server.on("connection", (peer) => {
        peer.on("error", () => undefined);
        peer.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
        peer.on("data", (chunk: Buffer) => {
          for (const line of chunk
            .toString()
            .split("\n")
            .filter((one) => one !== "")) {
            const { execute, id } = JSON.parse(line) as { execute: string; id: string };
            const value = execute === "query-chardev" ? [] : execute === "big" ? "x".repeat(2_000_000) : {};
            peer.write(`${JSON.stringify({ return: value, id })}\r\n`);
          }
        });
      });
    let server: Server;

    beforeAll(async () => {
      server = answers(createServer());
      await new Promise<void>((resolve) => server.listen(socket, resolve));
    });
    afterAll(() => void server.close());

    it("tells who listens there", async () => {
      const look = parseHostLook(await requests.look(`look qemu ${socket}`, signal), "the host");
      expect(look).toMatchObject({
        socket: "listening",
        socketPath: socket,
        qemu: { pid: process.pid, uid: 0, user: "root" },
      });
      expect(parseHostLook(await requests.look("look qemu /run/nobody.qmp", signal), "the host").socket).toBe(
        "absent",
      );
    });

    it("is reached by forwarding; a process that is no QEMU by nothing else", async () => {
      const monitor = plainMonitor({ channels: connection, requests, socket, privilege: "login", folders });
      expect(await monitor.execute("big")).toHaveLength(2_000_000);
      await monitor.close();
      const sshd = await bench.startSshd({ config: ["AllowStreamLocalForwarding no"] });
      const channels = await bench.pool().acquire(sshd.target(bench.login));
      const others = new HostRequests(channels, "login", folders);
      await expect(
        plainMonitor({ channels, requests: others, socket, privilege: "login", folders }).execute("a"),
      ).rejects.toThrow(
        /tried: socket forwarding: .*switched off.*; a relay program on the host .*is no QEMU.*\[QMP_SOCKET_UNREACHABLE\]/,
      );
    });
  });

  describe("through sudo", () => {
    // every folder on the way is root's alone
    const root = mkdtempSync("/run/multifunction-pci-test-");
    const bin = join(root, "bin");
    const called = join(root, "called");
    const permissions = join(root, "host.conf");
    const path = join(bench.workspace.path, "qemu.sock");
    let sudo: HostRequests;
    let operationOfSudo: OperationRequests;

    beforeAll(async () => {
      mkdirSync(bin);
      // sudo's part: it notes what it is asked to run, and runs the installed file
      const installed = join(root, "multifunction-pci-host");
      writeFileSync(installed, installedHostProgram({ ...folders, permissions }), { mode: 0o755 });
      writeFileSync(permissions, `socket ${path}\ndevice 0000:01:00\nchange operator\n`, { mode: 0o644 });
      writeFileSync(
        join(bin, "sudo"),
        `#!/bin/sh\nprintf "%s\\n" "$*" >>${called}\nSUDO_USER=operator SUDO_UID=1000 exec ${installed}\n`,
      );
      chmodSync(join(bin, "sudo"), 0o755);
      const sshd = await bench.startSshd({ config: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
      sudo = new HostRequests(await bench.pool().acquire(sshd.target(bench.login)), "sudo", folders);
      operationOfSudo = (await operationOn(sudo, "guest-sudo")).operation;
    });
    afterAll(() => rmSync(root, { recursive: true }));

    it("one installed program is run, once, without an argument, and does the same", async () => {
      await operationOfSudo.change(`bind go ${four.join(" ")}`, signal);
      expect(sysfs.drivers).toEqual(four.map(() => "vfio-pci"));
      await operationOfSudo.change(`release ${four.map((one) => `${one}=?`).join(" ")}`, signal);
      expect(sysfs.drivers).toEqual(four.map(() => "e1000e"));
      expect(readFileSync(called, "utf8")).toBe("-n /usr/local/sbin/multifunction-pci-host\n");
    });

    it("what the list does not allow is told with the lines for it", async () => {
      await expect(operationOfSudo.look("look qemu /run/other.qmp 0000:02:00", signal)).rejects.toThrow(
        /no line "socket \/run\/other.qmp".*'device 0000:02:00' 'change root' >> .*\[HOST_RULES_MISSING\]/,
      );
    });

    it("connects to no socket in a folder that others may write to", async () => {
      const python = join(bench.workspace.path, "qemu-of-somebody");
      copyFileSync(process.execPath, python);
      chmodSync(python, 0o755);
      const script = `require("net").createServer().listen(${JSON.stringify(path)}); setTimeout(() => process.exit(), 20000)`;
      execFileSync("sh", ["-c", `${python} -e '${script}' >/dev/null 2>&1 &`]);
      for (let tries = 0; !existsSync(path) && tries < 200; tries++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      await expect(sudo.monitor(path, signal)).rejects.toThrow(/\/tmp.* is not root's alone/);
    });

    it("says what to do where the program is not there, or is another release's", async () => {
      const sshd = await bench.startSshd({ config: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
      const host = await bench.pool().acquire(sshd.target(bench.login));
      const fresh = new OperationRequests({ requests: new HostRequests(host, "sudo", folders), socket });
      writeFileSync(join(bin, "sudo"), '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n');
      await expect(fresh.look(`functions ${four[0]}`, signal)).rejects.toThrow(
        /ended with exit code 1: sudo: a password is required.*docs\/security\.md/,
      );
      writeFileSync(join(bin, "sudo"), '#!/bin/sh\nprintf "\\nmultifunction-pci-host 1\\n"\nexec sleep 60\n');
      await expect(fresh.look(`functions ${four[0]}`, signal)).rejects.toThrow(
        /version 1.*version 2.*install -o root .*'device 0000:01:00.0'.*\[HOST_PROGRAM_OUTDATED\]/,
      );
    });
  });
});
