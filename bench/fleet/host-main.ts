/**
 * A host of the bench, as the first real process of namespaces of its own (network, mounts, PIDs): a made-up
 * kernel's folders in the places of the host's, plain QEMU processes with an emulated device for vfio-pci,
 * and a real sshd. Whoever logs in there finds a host like any other. Speaks to its parent by messages, and
 * ends with it.
 */
import "../../tools/tsx/shell-text.cjs";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../../provider/qmp";
import { publicLine, Sshd, Workspace } from "../../test/support/sshd";
import { FakeSysfs, type FakeFunction } from "../../test/support/plain-host";
import { PlainQemu } from "../../test/support/plain-qemu";
import type { HostCounts, HostMessage, HostQuestion, HostRequest, HostSetup, HostState } from "./protocol";
import { QMP_PROGRAM_PATH } from "./qmp-program";
import { StandInMonitor } from "./stand-in-monitor";

/** As Debian's sshd has it; the tests' own configuration lets more in. */
const SSHD_DEFAULTS = ["MaxStartups 10:30:100", "MaxSessions 10"];
const DEVICE_NODES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"];
const GUEST_MEMORY_MIB = 32;

function mount(...args: readonly string[]): void {
  execFileSync("mount", args);
}

/** Puts the made-up folders where a host has them, for this mount namespace alone: its files go with it. */
function putInPlace(root: string, machineId: string, qmpProgram: string): void {
  const sys = join(root, "sys");
  for (const name of ["lo", "cable0"]) {
    const folder = join(sys, "devices/virtual/net", name);
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(sys, "class/net"), { recursive: true });
    symlinkSync(folder, join(sys, "class/net", name));
  }
  mkdirSync(join(sys, "class/block"), { recursive: true });
  mount("--bind", sys, "/sys");
  const dev = join(root, "dev");
  for (const name of DEVICE_NODES) {
    writeFileSync(join(dev, name), "");
    mount("--bind", `/dev/${name}`, join(dev, name));
  }
  for (const name of ["pts", "shm"]) {
    mkdirSync(join(dev, name));
    mount("--bind", `/dev/${name}`, join(dev, name));
  }
  symlinkSync("/proc/self/fd", join(dev, "fd"));
  mount("--rbind", dev, "/dev");
  writeFileSync(join(root, "etc/machine-id"), `${machineId}\n`);
  mount("--bind", join(root, "etc/machine-id"), "/etc/machine-id");
  mount("-t", "tmpfs", "tmpfs", "/run");
  mkdirSync("/run/lock");
  chmodSync("/run/lock", 0o1777);
  for (const folder of ["/run/sshd", "/run/bench/ledger"])
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(QMP_PROGRAM_PATH, qmpProgram, { mode: 0o755 });
  // what this machine's users have set up for their shells is not part of a host
  for (const file of ["/root/.bashrc", "/root/.profile"])
    if (existsSync(file)) mount("--bind", "/dev/null", file);
}

/** Four functions of each device, all of a device in one IOMMU group. */
function functionsOf(setup: HostSetup): FakeFunction[] {
  return setup.guests.flatMap(({ device }, index) =>
    [0, 1, 2, 3].map((n) => ({ address: `${device}.${n}`, driver: "e1000e", group: index + 1 })),
  );
}

/** Has run, so that it can be plugged into, and stands still, so that it costs nothing. */
async function startGuest(): Promise<PlainQemu> {
  const qemu = await PlainQemu.start({
    slots: "native",
    kernel: false,
    paused: true,
    memoryMiB: GUEST_MEMORY_MIB,
  });
  await qemu.qmp("cont");
  await qemu.qmp("stop");
  return qemu;
}

async function pluggedIn(qemu: PlainQemu): Promise<number> {
  const list = await qemu.qmp("qom-list", { path: "/machine/peripheral" });
  const names = (Array.isArray(list) ? list : []).map((one: unknown) => (isRecord(one) ? one["name"] : ""));
  return names.filter((name) => /^(mfpci|bench)-/.test(String(name))).length;
}

/** PIDs are given one after the other, to threads too. */
async function lastTask(): Promise<number> {
  const child = spawn("true", { stdio: "ignore" });
  const number = child.pid ?? 0;
  await once(child, "exit");
  return number;
}

function runScript(script: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-s"], { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += String(text)));
    child.stderr.on("data", (text) => (stderr += String(text)));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`a script on the host ended with ${code}: ${stderr.slice(-500)}`));
    });
    child.stdin.end(script);
  });
}

async function main(): Promise<void> {
  process.title = "bench-host";
  const setup = JSON.parse(process.argv[2] ?? "") as HostSetup;
  const say = (message: HostMessage): void => void process.send?.(message);
  process.on("disconnect", () => process.exit());
  const login = readFileSync(`${setup.clientKey}.pub`, "utf8");
  // this repository may be below /tmp
  const qmpProgram = readFileSync(join(__dirname, "qmp.sh"), "utf8");
  mount("-t", "tmpfs", "tmpfs", "/tmp");
  const sysfs = new FakeSysfs(functionsOf(setup));
  putInPlace(sysfs.root, setup.machineId, qmpProgram);
  const qemus: PlainQemu[] = [];
  for (const { socket } of setup.guests) {
    const qemu = await startGuest();
    qemus.push(qemu);
    const isHeld = (address: string): boolean => sysfs.driverOf(address) === "vfio-pci";
    await StandInMonitor.listen(socket, { qemuSocket: qemu.freeSocket, isHeld });
  }
  const workspace = new Workspace();
  workspace.write("client.pub", login);
  const hostKey = workspace.generateKey("host_ed25519");
  const sshd = await Sshd.start(workspace, {
    hostKeys: [hostKey],
    authorizedKeys: [join(workspace.path, "client")],
    address: setup.address,
    config: SSHD_DEFAULTS,
  });

  const answer = async (request: HostRequest): Promise<HostCounts | HostState | string> => {
    switch (request.ask) {
      case "count":
        return { handshakes: sshd.acceptedLogins, tasks: await lastTask() };
      case "state": {
        const held = sysfs.drivers.filter((driver) => driver === "vfio-pci").length;
        const plugged = await Promise.all(qemus.map(pluggedIn));
        const sum = plugged.reduce((total, one) => total + one, 0);
        return { held, functions: sysfs.drivers.length, plugged: sum };
      }
      case "run":
        return runScript(request.script);
    }
  };
  process.on("message", ({ id, request }: HostQuestion) => {
    answer(request).then(
      (result) => say({ id, result }),
      (cause: unknown) => say({ id, error: String(cause) }),
    );
  });
  say({ ready: { port: sshd.port, hostKey: publicLine(hostKey) } });
}

main().catch((error: unknown) => {
  process.stderr.write(`a host of the bench failed: ${String((error as Error).stack)}\n`);
  process.exit(1);
});
