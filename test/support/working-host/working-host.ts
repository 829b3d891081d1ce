import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { QmpError, type QmpEvent } from "../../../provider/qmp";
import { Bench, publicLine } from "../sshd";
import { eventually } from "../eventually";
import { FakeSysfs, FOUR_FUNCTIONS, type FakeFunction } from "../plain-host";
import { PlainQemu } from "../plain-qemu";

/** Where the guest's monitor is on that host. */
const SOCKET = "/run/guest1.qmp";
const GUEST_UUID = "33333333-3333-4333-8333-333333333333";

/** Makes the mounts of that host, in which it runs the command after its first argument. */
const IN_ITS_OWN_MOUNTS = join(__dirname, "own-mounts.sh");

/**
 * A host without libvirt on which the product works as it is installed, in a process of its own: a real sshd;
 * a real QEMU with a booted guest, behind a proxy that plays vfio-pci by emulated devices; and in a mount
 * namespace of their own /sys, with a kernel of the tests', /run, /dev and the machine's id.
 *
 * The first monitor of the QEMU is the tests' own, so that they see the guest by no eyes of the product's.
 */
export class WorkingHost {
  /** Ids of the devices that left the guest, in order. */
  readonly deleted: string[] = [];

  private constructor(
    readonly sysfs: FakeSysfs,
    readonly qemu: PlainQemu,
    /** Text of `connection`, in a program. */
    readonly connection: string,
    readonly privateKey: string,
    private readonly proxy: ChildProcess,
    private readonly bench: Bench,
  ) {}

  /** Starts it; resolves when the guest has booted. */
  static async start(functions: readonly FakeFunction[] = FOUR_FUNCTIONS): Promise<WorkingHost> {
    const bench = new Bench();
    const sysfs = new FakeSysfs(functions.map(inOwnGroup));
    const qemu = await PlainQemu.start({ slots: "acpi", uuid: GUEST_UUID });
    const proxy = await startProxy(sysfs, qemu.freeSocket);
    // a home of its own: what root's login does on this machine is not what is tested
    const config = [`SetEnv HOME=${join(sysfs.root, "home")}`];
    const sshd = await bench.startSshd({ mountsOf: proxy.pid ?? 0, config });
    const connection = JSON.stringify({
      host: "127.0.0.1",
      port: sshd.port,
      hostKey: publicLine(bench.hostKey),
    });
    const privateKey = readFileSync(bench.clientKey, "utf8");
    const host = new WorkingHost(sysfs, qemu, connection, privateKey, proxy, bench);
    await qemu.monitor.listen({ onEvent: (event) => host.#hear(event), onEnd: () => undefined });
    await qemu.booted();
    return host;
  }

  /** Text of the arguments that every attachment of a program has. */
  get place(): string {
    return `connection: ${this.connection}, guest: { qmpSocket: ${JSON.stringify(SOCKET)} }`;
  }

  /** The arguments of an attachment of the whole card, as a provider gets them. */
  get inputs(): Readonly<Record<string, unknown>> {
    return {
      connection: JSON.parse(this.connection) as unknown,
      guest: { qmpSocket: SOCKET },
      device: "0000:01:00",
      functions: [0, 1, 2, 3],
    };
  }

  /** The ledger's file of the guest, as it stands; undefined where there is none. */
  get ledger(): Record<string, unknown> | undefined {
    const [file] = this.sysfs.ledgerFiles;
    if (file === undefined) return undefined;
    return JSON.parse(readFileSync(join(this.sysfs.folders.ledger, file), "utf8")) as Record<string, unknown>;
  }

  /** Entries of the ledger. */
  get entries(): readonly Record<string, unknown>[] {
    return (this.ledger?.["entries"] ?? []) as Record<string, unknown>[];
  }

  /** Brings back what was there at first, whatever a test that failed has left. */
  async clear(): Promise<void> {
    const ids = await this.plugged();
    this.deleted.length = 0;
    // of a slot with several functions the first request takes all, and then the others are refused
    for (const id of ids) await this.qemu.qmp("device_del", { id }).catch(ignoreRefusal);
    await eventually(() => this.plugged(), []);
    await eventually(async () => ids.filter((id) => !this.deleted.includes(id)), []);
    for (const file of this.sysfs.ledgerFiles) rmSync(join(this.sysfs.folders.ledger, file));
    this.sysfs.restore();
    this.deleted.length = 0;
  }

  /** Puts this in the place of the ledger's file. */
  writeLedger(ledger: unknown): void {
    const [file = `guest-${GUEST_UUID}.json`] = this.sysfs.ledgerFiles;
    mkdirSync(this.sysfs.folders.ledger, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.sysfs.folders.ledger, file), `${JSON.stringify(ledger)}\n`);
  }

  /** Ids of the devices that the guest has, as QEMU names them. */
  async plugged(): Promise<string[]> {
    const all = (await this.qemu.qmp("qom-list", { path: "/machine/peripheral" })) as { name: string }[];
    return all
      .map((one) => one.name)
      .filter((name) => name.startsWith("mfpci-"))
      .sort();
  }

  async close(): Promise<void> {
    await this.bench.tearDown();
    this.proxy.kill("SIGKILL");
    await this.qemu.stop();
    this.sysfs.close();
  }

  #hear({ event, data }: QmpEvent): void {
    const { device } = data;
    if (event !== "DEVICE_DELETED" || typeof device !== "string") return;
    this.deleted.push(device);
    this.proxy.send(device);
  }
}

/**
 * All processes of this machine are that host's as well: no other such host may have open what seems to be
 * its group.
 */
function inOwnGroup(one: FakeFunction): FakeFunction {
  return { ...one, group: process.pid * 100 + one.group };
}

function ignoreRefusal(cause: unknown): void {
  if (!(cause instanceof QmpError)) throw cause;
}

/**
 * In the place of the QEMU: the process that listens at its socket, of which the host program takes it for
 * one.
 */
async function startProxy(sysfs: FakeSysfs, upstream: string): Promise<ChildProcess> {
  const at = (name: string): string => join(sysfs.root, name);
  for (const folder of ["bin", "home", "dev/pts", "run/sshd", "run/lock"])
    mkdirSync(at(folder), { recursive: true });
  chmodSync(at("run/lock"), 0o1777);
  symlinkSync("pts/ptmx", at("dev/ptmx"));
  symlinkSync("/proc/self/fd", at("dev/fd"));
  // its name in /proc is that of the file
  symlinkSync(process.execPath, at("bin/qemu-system-x86_64"));
  const script = join(__dirname, "monitor-proxy.ts");
  const program = [at("bin/qemu-system-x86_64"), "--import", "tsx", script, SOCKET, upstream];
  const words = ["--pdeathsig", "KILL", "unshare", "--mount", "sh", IN_ITS_OWN_MOUNTS, sysfs.root];
  const proxy = spawn("setpriv", [...words, ...program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(proxy, "exit").then(() => {
    throw new Error("the proxy of the monitor did not start");
  });
  await Promise.race([once(proxy, "message"), ended]);
  return proxy;
}
