import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sudoersLines } from "../../provider/errors/catalogue/host-list";
import { waitUntil } from "../support/sshd";
import type { RawProgram } from "./support/raw-program";
import { ACCOUNT, ACCOUNT_UID, SudoHost } from "./support/sudo-host";

jest.setTimeout(60_000);

const UUID = "33333333-3333-4333-8333-333333333333";
const OTHER_UUID = "44444444-4444-4444-8444-444444444444";
const LOCKS = `guest-${process.pid},group-${process.pid}`;

/** As a host may have it; each line is one that loosens. */
const setUps: readonly (readonly [string, readonly string[]])[] = [
  [
    "as Debian has it",
    ["Defaults env_reset", 'Defaults secure_path="/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"'],
  ],
  ["with use_pty", ["Defaults env_reset", "Defaults use_pty"]],
  ["without secure_path, and the environment kept", ["Defaults !env_reset", "Defaults !secure_path"]],
  [
    "loosely, and for the account as docs/security.md has it",
    ["Defaults !env_reset", "Defaults !secure_path", ...sudoersLines(ACCOUNT).slice(0, 1)],
  ],
];

describe.each(setUps)("An account whose sudo is set up %s", (_name, defaults) => {
  let host: SudoHost;
  let socket: string;
  let program: RawProgram | undefined;

  const opened = async (environment: Readonly<Record<string, string>> = {}): Promise<RawProgram> =>
    host.program(environment).begin();
  /** Those of a program that was killed pass on when it has ended. */
  const lock = async (own: RawProgram): Promise<void> => {
    for (let answers: readonly string[] = []; !answers.includes(`got group-${process.pid}`);)
      answers = await own.ask("lock", LOCKS.replace(",", " "));
  };
  const locked = async (): Promise<RawProgram> => {
    const own = await opened();
    await lock(own);
    return own;
  };

  beforeAll(async () => {
    host = await SudoHost.start(defaults);
    mkdirSync(join(host.folder, "qemu"));
    socket = join(host.folder, "qemu/vm1.qmp");
    await host.startQemu(socket, UUID);
  });
  beforeEach(() => {
    host.allow([`socket ${socket}`, "device 0000:01:00.0", "device 0000:01:00.1", `change ${ACCOUNT}`]);
  });
  afterEach(async () => {
    program?.child.kill("SIGKILL");
    host.sysfs.restore();
    rmSync(host.sysfs.folders.ledger, { recursive: true, force: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  afterAll(() => host[Symbol.asyncDispose]());

  it("binds and gives back what is listed", async () => {
    program = await locked();
    expect(await program.ask("bind", `${LOCKS} me go 0000:01:00.0 0000:01:00.1`)).toContain("done");
    expect(host.sysfs.drivers.slice(0, 2)).toEqual(["vfio-pci", "vfio-pci"]);
    expect(await program.ask("release", `${LOCKS} me 0000:01:00.0=? 0000:01:00.1=-`)).toContain("done");
    expect(host.sysfs.drivers.slice(0, 2)).toEqual(["e1000e", "-"]);
  });

  it.each<[string, readonly string[], { readonly mode?: number; readonly uid?: number }?]>([
    ["is not there", []],
    ["is the account's own", ["change operator"], { uid: ACCOUNT_UID }],
    ["may be written by its group", ["change operator"], { mode: 0o664 }],
    ["may be written by everybody", ["change operator"], { mode: 0o646 }],
    ["has a line that cannot be read", ["change operator", "device everything"]],
    ["has a line with too many words", ["change operator root"]],
    ["has a socket with two stars", ["change operator", "socket /run/*/*.qmp"]],
    ["names another account", ["change somebody"]],
    ["names nobody", ["look", "change"]],
  ])("may do nothing if the list %s", async (_what, lines, mode = {}) => {
    host.allow(lines, mode);
    program = await opened();
    for (const request of [
      "look",
      "survey",
      "devices",
      "details",
      "lock",
      "bind",
      "release",
      "write",
      "ledger",
      "monitor",
    ])
      expect(await program.ask(request, `${LOCKS} ${socket} 0000:01:00.0`)).toEqual([
        expect.stringMatching(/^fail rules /),
      ]);
    expect(host.sysfs.writes).toEqual([]);
  });

  it("may do nothing if the list is a link", async () => {
    const real = join(host.home, "list");
    writeFileSync(real, `change ${ACCOUNT}\n`);
    execFileSync("rm", [host.permissions]);
    symlinkSync(real, host.permissions);
    program = await opened();
    expect(await program.ask("look", `- ${socket}`)).toEqual([expect.stringMatching(/^fail rules /)]);
    execFileSync("rm", [host.permissions]);
  });

  it("may look alone if that is all that is listed", async () => {
    host.allow([`socket ${socket}`, "device 0000:01:00", `look ${ACCOUNT}`]);
    program = await opened();
    expect(await program.ask("look", `qemu ${socket} 0000:01:00`)).toContain("done");
    for (const request of ["lock", "bind", "release", "write"])
      expect(await program.ask(request, `${LOCKS} me go 0000:01:00.0`)).toEqual([
        `fail rules ${host.permissions} has no line "change ${ACCOUNT}"`,
      ]);
    const answers = await commands(program, [
      '{"execute":"query-status","id":"1"}',
      `{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"mfpci-0123456789ab-f0","host":"0000:01:00.0","bus":"pci.0","addr":"0x1.0"},"id":"2"}`,
      '{"execute":"device_del","arguments":{"id":"mfpci-0123456789ab-f0"},"id":"3"}',
    ]);
    expect(answers[0]).toContain('"return"');
    for (const answer of answers.slice(1)) expect(answer).toContain('"class":"HostRules"');
  });

  it("binds nothing, gives back nothing that is not listed", async () => {
    program = await locked();
    for (const request of ["bind", "release"]) {
      const rest = request === "bind" ? "go 0000:01:00.1 0000:01:00.2" : "0000:01:00.1=? 0000:01:00.2=?";
      const answer = await program.ask(request, `${LOCKS} me ${rest}`);
      expect(answer).toEqual([`fail rules ${host.permissions} has no line "device" for 0000:01:00.2`]);
    }
    expect(host.sysfs.writes).toEqual([]);
  });

  it("gives a function to no driver that the ledger has not noted", async () => {
    program = await locked();
    expect(await program.ask("bind", `${LOCKS} me go 0000:01:00.0`)).toContain("done");
    const refused = async (words: string): Promise<void> =>
      expect(await program?.ask("release", `${LOCKS} me ${words}`)).toEqual([
        expect.stringMatching(/^fail rules the ledger does not tell that 0000:01:00\.0 was on /),
      ]);
    await refused("0000:01:00.0=evil");
    await refused("0000:01:00.0=?=evil");
    // as releases up to 0.1 have left it, without an index
    const { ledger } = host.sysfs.folders;
    const noted = '"functions":[{"address":"0000:01:00.1","hostDriver":"evil"},{"address":"0000:01:00.0"';
    mkdirSync(ledger, { recursive: true, mode: 0o700 });
    const text = `{"socket":"${socket}","entries":[{${noted},"hostDriver":"e1000e"}]}]}`;
    writeFileSync(join(ledger, `guest-${OTHER_UUID}.json`), text);
    await refused("0000:01:00.0=evil");
    await refused("0000:01:00.0=e1000e=evil");
    expect(host.sysfs.driverOf("0000:01:00.0")).toBe("vfio-pci");
    expect(await program.ask("look", `- ${socket} 0000:01:00.0`)).toContainEqual(
      expect.stringMatching(`^ledger guest-${OTHER_UUID}`),
    );
    expect(await program.ask("release", `${LOCKS} me 0000:01:00.0=e1000e`)).toContain("done");
    expect(host.sysfs.driverOf("0000:01:00.0")).toBe("e1000e");
  });

  it("looks at QEMU, and not at what has started it with its monitor open", async () => {
    const path = join(host.folder, "qemu/passed.qmp");
    const launcher = spawn("setpriv", [
      ...["--pdeathsig", "KILL", "python3", "-c"],
      `
import socket, subprocess
one = socket.socket(socket.AF_UNIX)
one.bind("${path}")
one.listen()
child = subprocess.Popen(
    ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-S", "-name", "guest,process=web1",
     "-chardev", "socket,id=q,fd=%d,server=on,wait=off" % one.fileno(), "-mon", "chardev=q,mode=control"],
    pass_fds=[one.fileno()])
print(child.pid, flush=True)
child.wait()`,
    ]);
    const pid = await new Promise<string>((resolve) =>
      launcher.stdout.once("data", (text) => resolve(String(text).trim())),
    );
    host.allow([`socket ${path}`, "device 0000:01:00", `change ${ACCOUNT}`]);
    program = await opened();
    await waitUntil("QEMU has its name", () => readFileSync(`/proc/${pid}/comm`, "utf8") === "web1\n");
    const look = await program.ask("look", `qemu ${path}`);
    expect(look.find((one) => one.startsWith("qemu "))).toMatch(new RegExp(`^qemu ${pid} `));
    expect(look.filter((one) => one.startsWith("holder ")).sort()).toEqual(
      [`holder ${launcher.pid}`, `holder ${pid}`].sort(),
    );
    process.kill(Number(pid));
    launcher.kill();
  });

  it("changes nothing without the locks that it names", async () => {
    program = await opened();
    for (const request of [
      `bind ${LOCKS} me go 0000:01:00.0`,
      `release ${LOCKS} me 0000:01:00.0=?`,
      `write ${LOCKS} ${UUID} - {}`,
    ])
      expect(await program.ask(request.split(" ")[0]!, request.split(" ").slice(1).join(" "))).toEqual([
        `fail the locks ${LOCKS} are not held`,
      ]);
  });

  const commands = async (own: RawProgram, lines: readonly string[]): Promise<readonly string[]> => {
    const opening = own.ask("monitor", socket);
    opening.catch(() => undefined);
    const id = own.lastId;
    await own.until(id, /"QMP"/);
    const answers: string[] = [];
    for (const line of lines) {
      own.write(`ask ${id} ${line}`);
      const number = /"id":"(\d+)"/.exec(line)?.[1] ?? "0";
      const said = await own.until(id, new RegExp(`"id": ?"${number}"`));
      answers.push(said.filter((one) => new RegExp(`"id": ?"${number}"`).test(one))[0] ?? "");
    }
    own.write(`leave ${id}`);
    await opening;
    return answers;
  };

  describe("in one conversation", () => {
    let conversation: RawProgram;
    let id: string;

    beforeAll(async () => {
      host.allow([`socket ${socket}`, "device 0000:01:00.0", `change ${ACCOUNT}`]);
      conversation = await opened();
      conversation.ask("monitor", socket).catch(() => undefined);
      id = conversation.lastId;
      await conversation.until(id, /"QMP"/);
    });
    afterAll(() => void conversation.child.kill("SIGKILL"));

    it.each([
      '{"execute":"migrate","arguments":{"uri":"exec:id"},"id":"7"}',
      '{"execute":"quit","id":"7"}',
      '{"execute":"human-monitor-command","arguments":{"command-line":"migrate exec:id"},"id":"7"}',
      '{"execute":"human-monitor-command","arguments":{"command-line":"xp /1wx 0x0; quit"},"id":"7"}',
      '{"execute":"human-monitor-command","arguments":{"command-line":"xp /1wx 0x0","cpu-index":0},"id":"7"}',
      '{"execute":"chardev-add","arguments":{"id":"x"},"id":"7"}',
      '{"execute":"object-add","arguments":{"qom-type":"secret","id":"x"},"id":"7"}',
      '{"execute":"qom-set","arguments":{"path":"/machine","property":"x","value":"y"},"id":"7"}',
      '{"execute":"qom-get","arguments":{"path":"/objects/sec0","property":"data"},"id":"7"}',
      '{"execute":"device_add","arguments":{"driver":"e1000e","id":"mfpci-0123456789ab-f0","bus":"pci.0","addr":"0x1.0"},"id":"7"}',
      '{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"mfpci-0123456789ab-f0","host":"0000:01:00.2","bus":"pci.0","addr":"0x1.0"},"id":"7"}',
      '{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"mfpci-0123456789ab-f0","host":"0000:01:00.0","bus":"pci.0","addr":"0x1.0","sysfsdev":"/sys/x"},"id":"7"}',
      '{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"net0","host":"0000:01:00.0","bus":"pci.0","addr":"0x1.0"},"id":"7"}',
      '{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"mfpci-0123456789ab-f0","host":"0000:01:00.0","bus":"pci.0","addr":"0x1.0","romfile":"/etc/shadow"},"id":"7"}',
      '{"execute":"device_del","arguments":{"id":"net0"},"id":"7"}',
      '{"execute":"query-status","execute":"quit","id":"7"}',
      '{"execute":"qu\\u0069t","id":"7"}',
      `{'execute':'quit','id':"7"}`,
      '{ "execute":"quit","id":"7"}',
      '{"exec-oob":"quit","id":"7"}',
      '{"execute":"query-status","arguments":{"a":"b","a":"c"},"id":"7"}',
      '{"execute":"query-status","id":"7"}{"execute":"quit","id":"8"}',
      '{"execute":"query-status","arguments":{"a":{"b":"c"}},"id":"7"}',
      '{"execute":"qom-list","arguments":{"path":"/machine/../objects"},"id":"7"}',
    ])("gets no monitor: %s", async (line) => {
      const refusals = async (): Promise<number> =>
        (await conversation.until(id, /./)).filter((one) => one.includes("HostRules")).length;
      const before = await refusals();
      const number = String(before + 100);
      conversation.write(`ask ${id} ${line}`);
      conversation.write(`ask ${id} {"execute":"query-status","id":"${number}"}`);
      const said = await conversation.until(id, new RegExp(`"id": ?"${number}"`));
      expect(await refusals()).toBe(before + 1);
      // a client reads it as an answer of QEMU's
      const [refusal = ""] = said.filter((one) => one.includes("HostRules")).slice(-1);
      expect(JSON.parse(refusal)).toMatchObject({ error: { class: "HostRules" } });
      // and QEMU has answered nothing but questions of ours
      const answered = said.filter((one) => /"(return|error)"/.test(one) && !one.includes("HostRules"));
      expect(answered).toHaveLength(before + 1);
    });
  });

  it("lets go of a monitor also while it waits for a lock", async () => {
    const holder = await locked();
    program = await opened();
    program.ask("monitor", socket).catch(() => undefined);
    const id = program.lastId;
    await program.until(id, /"QMP"/);
    program.write(`lock 90 ${LOCKS.replace(",", " ")}`);
    await program.until("90", /^busy /);
    program.write(`leave ${id}`);
    expect(await program.until(id, /^done/)).toContain("done");
    holder.child.kill("SIGKILL");
  });

  it("plugs a ROM file of root's, and none by way of a link", async () => {
    const rom = join(host.folder, "card.rom");
    writeFileSync(rom, "rom", { mode: 0o644 });
    const own = join(host.home, "own.rom");
    const links = [join(host.home, "link.rom"), join(host.home, "folder/card.rom")];
    writeFileSync(own, "rom", { mode: 0o644 });
    symlinkSync(rom, links[0]!);
    symlinkSync(host.folder, join(host.home, "folder"));
    program = await opened();
    const answers = await commands(
      program,
      [rom, own, ...links].map(
        (path, n) =>
          `{"execute":"device_add","arguments":{"driver":"vfio-pci","id":"mfpci-0123456789ab-f0-rom","host":"0000:01:00.0","bus":"pci.0","addr":"0x1.0","romfile":"${path}"},"id":"${n + 1}"}`,
      ),
    );
    // QEMU's own word: this machine has no such bus
    expect(answers[0]).toContain("GenericError");
    expect(
      answers.slice(1).filter((answer) => !/HostRules.*is a link, not root's alone/.test(answer)),
    ).toEqual([]);
  });

  it.each<readonly [string, (host: SudoHost) => string]>([
    ["of another program", ({ folder }) => join(folder, "qemu/other.qmp")],
    ["by a way around the listed folder", ({ folder }) => `${folder}/qemu/../qemu/vm1.qmp`],
    ["in its own home", ({ home }) => join(home, "vm.qmp")],
    ["that is a FIFO", ({ home }) => join(home, "fifo")],
  ])("reaches no socket %s", async (_what, pathOf) => {
    const path = pathOf(host);
    program = await opened();
    for (const request of ["monitor", "look"])
      expect(await program.ask(request, request === "look" ? `qemu ${path}` : path)).toEqual([
        expect.stringMatching(/^fail (rules|not a path)/),
      ]);
  });

  it("reaches no listed socket through a folder of its own", async () => {
    const path = join(host.home, "vm.qmp");
    symlinkSync(join(host.folder, "qemu"), join(host.home, "by-link"));
    const byLink = join(host.home, "by-link/vm1.qmp");
    host.allow([`socket ${path}`, `socket ${byLink}`, "device 0000:01:00", `change ${ACCOUNT}`]);
    program = await opened();
    for (const one of [path, byLink])
      expect(await program.ask("monitor", one)).toEqual([
        expect.stringMatching(/^fail rules .*root's alone|leads nowhere/),
      ]);
  });

  it("makes no listed socket look like a QEMU's by a forged name", async () => {
    const dead = join(host.folder, "qemu/dead.qmp");
    execFileSync("python3", ["-c", `import socket; socket.socket(socket.AF_UNIX).bind("${dead}")`]);
    host.allow([`socket ${dead}`, `socket ${socket}`, "device 0000:01:00", `change ${ACCOUNT}`]);
    // the kernel prints a bound name as it is, so that a second line of it looks like another socket's
    const forge = (path: string): string =>
      `exec -a qemu-system-x86_64 python3 -c '
import os, socket, time
one = socket.socket(socket.AF_UNIX)
inode = os.fstat(one.fileno()).st_ino
one.bind("\\0x\\n0: 00000002 00000000 00010000 0001 01 %d ${path}" % inode)
one.listen()
print("ready", flush=True)
time.sleep(60)'`;
    for (const path of [dead, socket]) {
      const forger = host.startAsAccount(forge(path));
      await new Promise((resolve) => forger.stdout.once("data", resolve));
      program = await opened();
      const [answer] = await program.ask("monitor", path);
      forger.kill("SIGKILL");
      program.child.kill("SIGKILL");
      expect(answer).toMatch(
        /^fail (rules (more than one|a process of operator's own)|nobody listens|what listens)/,
      );
    }
  });

  it.each<readonly [string, (text: string) => string]>([
    ["of a guest that answers nowhere", (text) => `${OTHER_UUID} - ${text}`],
    ["with a function that is not listed", (text) => `${UUID} - ${text.replace("01:00.0", "01:00.2")}`],
    ["with a function in other letters", (text) => `${UUID} - ${text.replace("01:00.0", "01\\u003a00.2")}`],
    ["under another name", (text) => `../../etc/x - ${text}`],
    ["with a monitor that is not listed", (text) => `${UUID} - ${text.replace("vm1.qmp", "evil.qmp")}`],
    ["that really has another monitor", (text) => `${UUID} /home/operator/vm1.qmp ${text}`],
    ["without the word before it", (text) => `${UUID} ${text}`],
  ])("writes no ledger %s", async (_what, wordsOf) => {
    const text = `{"version":1,"guest":{"uuid":"${UUID}","name":"x"},"socket":"${socket}","entries":[{"owner":"a","tag":"0123456789ab","functions":[{"address":"0000:01:00.0"}]}]}`;
    program = await locked();
    await commands(program, ['{"execute":"query-status","id":"1"}']);
    const [answer] = await program.ask("write", `${LOCKS} ${wordsOf(text)}`);
    expect(answer).toMatch(/^fail /);
    expect(host.sysfs.ledgerFiles).toEqual([]);
  });

  it("writes a guest that answers, and only takes from one that is off", async () => {
    const entry = (n: number): string =>
      `{"owner":"a{}[],\\"${n}","tag":"0123456789a${n}","slot":{"bus":"b"},"functions":[{"address":"0000:01:00.${n}","hostDriver":"e1000e"}]}`;
    const text = (uuid: string, path: string, ...entries: readonly string[]): string =>
      `{"version":1,"guest":{"uuid":"${uuid}","name":"x"},"socket":"${path}","entries":[${entries.join(",")}],"more":[1]}`;
    program = await locked();
    expect(await program.ask("write", `${LOCKS} ${UUID} - ${text(UUID, socket, entry(0))}`)).toEqual([
      expect.stringMatching(/^fail rules no guest/),
    ]);
    await commands(program, ['{"execute":"query-status","id":"1"}']);
    for (const path of ["-", socket])
      expect(
        await program.ask("write", `${LOCKS} ${UUID} ${path} ${text(UUID, socket, entry(0), entry(1))}`),
      ).toEqual(["done"]);
    const off = join(host.folder, "qemu/off.qmp");
    host.allow([`socket ${socket}`, `socket ${off}`, "device 0000:01:00", `change ${ACCOUNT}`]);
    const file = join(host.sysfs.folders.ledger, `guest-${OTHER_UUID}.json`);
    writeFileSync(file, text(OTHER_UUID, off, entry(0), entry(1)));
    program.child.kill("SIGKILL");
    program = await locked();
    for (const forged of [
      text(OTHER_UUID, off, entry(0), entry(1), entry(2)),
      text(OTHER_UUID, off, entry(0), entry(1).replace("e1000e", "evil")),
      text(OTHER_UUID, socket, entry(0)),
      text(OTHER_UUID, off, entry(0)).replace('"more":[1]', '"more":[2]'),
    ])
      expect(await program.ask("write", `${LOCKS} ${OTHER_UUID} - ${forged}`)).toEqual([
        "fail rules of a guest that is off entries may only be taken away",
      ]);
    expect(await program.ask("write", `${LOCKS} ${OTHER_UUID} - ${text(OTHER_UUID, off, entry(1))}`)).toEqual(
      ["done"],
    );
    expect(readFileSync(file, "utf8")).toContain("01:00.1");
    expect(await program.ask("write", `${LOCKS} ${OTHER_UUID} -`)).toEqual(["done"]);
    expect(existsSync(file)).toBe(false);
    expect(await program.ask("write", `${LOCKS} ${UUID} -`)).toEqual([
      "fail rules another connection has the guest",
    ]);
  });

  it("gets nothing of its own run as root, by PATH, functions or start files", async () => {
    const mark = join(host.home, "mark");
    const bin = join(host.home, "bin");
    mkdirSync(bin, { recursive: true });
    for (const tool of [
      "find",
      "mv",
      "rm",
      "mkdir",
      "flock",
      "readlink",
      "sha256sum",
      "socat",
      "logger",
      "python3",
      "bash",
    ])
      writeFileSync(join(bin, tool), `#!/bin/sh\nid >>${mark}\n`, { mode: 0o755 });
    writeFileSync(join(host.home, "env"), `id >>${mark}\n`);
    program = host.program({
      PATH: `${bin}:/usr/bin:/bin`,
      BASH_ENV: join(host.home, "env"),
      ENV: join(host.home, "env"),
      SHELLOPTS: "xtrace",
      PS4: `$(id >>${mark})`,
      "BASH_FUNC_find%%": `() { id >>${mark}; }`,
      PYTHONPATH: bin,
      LD_PRELOAD: join(bin, "x.so"),
      IFS: "/",
    });
    await program.begin();
    await lock(program);
    expect(await program.ask("look", `qemu ${socket} 0000:01:00`)).toContain("done");
    await commands(program, ['{"execute":"query-status","id":"1"}']);
    expect(await program.ask("bind", `${LOCKS} me go 0000:01:00.0`)).toContain("done");
    const asRoot = existsSync(mark)
      ? readFileSync(mark, "utf8")
          .split("\n")
          .filter((line) => line.startsWith("uid=0"))
      : [];
    expect(asRoot).toEqual([]);
  });

  it("keeps nobody waiting by reading nothing", async () => {
    const silent = await locked();
    silent.child.stdout.pause();
    silent.child.stderr.pause();
    for (let n = 0; n < 300; n++) silent.write(`look ${1000 + n} whole ${socket} 0000:01:00`);
    program = await opened();
    const startedAt = Date.now();
    expect(await program.ask("look", `qemu ${socket} 0000:01:00`)).toContain("done");
    expect(Date.now() - startedAt).toBeLessThan(8000);
    silent.child.kill("SIGKILL");
    // its locks pass on when it has gone
    await lock(program);
  });
});
