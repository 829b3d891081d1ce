import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureTree, inTree, type QemuVersion } from "../../../lab/qemu-versions";
import { connectGuest, GuestSide, type GuestEnds } from "./guest-side";
import { machines, type MachineName } from "./machine";

/** How a guest is started. */
export interface PlainQemuOptions {
  /** Which hotplug mechanism serves the root ports of q35: QEMU's default, or each port's own. */
  readonly slots: "acpi" | "native";
  /**
   * `pc` and `pseries` have conventional slots: those of `pci.0`, and of a bridge `pci.1`; no root ports.
   * Default: `q35`.
   */
  readonly machine?: MachineName;
  /** `pci.1` is a second host bridge, with the bus `pci.1.0`, in place of a bridge. Default: false. */
  readonly hostBridge?: boolean;
  /** Another QEMU than this machine's own (root needed). */
  readonly version?: QemuVersion;
  /** Without a kernel the guest stays in its firmware, which never lets go of anything. Default: true. */
  readonly kernel?: boolean;
  /** Started paused (`-S`): its processor has not run an instruction until `cont`. Default: false. */
  readonly paused?: boolean;
  /** Further arguments of QEMU. Default: none. */
  readonly more?: readonly string[];
  /** Default: what the machine's guest needs, 256 or 512. */
  readonly memoryMiB?: number;
  /** Root ports, `pci.1` and up. Default: 4. */
  readonly ports?: number;
  /** Default: none, as where QEMU is started by hand. */
  readonly uuid?: string;
  /** Id of the first monitor's socket: libvirt's own has one by which it is known. */
  readonly monitorId?: string;
}

/** Generous: a machine may be busy. */
const START_MS = 60_000;
const POLL_MS = 20;
/** QEMU ends with the process that started it. */
const WITH_US = ["setpriv", "--pdeathsig", "KILL"];

/**
 * A guest on a QEMU of this machine, or another one's, without libvirt: emulated, with the lab's own kernel
 * and first process, some PCI Express root ports, a monitor and a serial console. Boots in seconds. Its QEMU
 * ends with {@link stop}, and with the process that started it, however that ends.
 *
 * @example
 * await using qemu = await PlainQemu.start({ slots: "acpi" });
 * await qemu.booted();
 * await qemu.qmp("device_add", { driver: "virtio-rng-pci", id: "one", bus: "pci.4" });
 * await qemu.console("ls /sys/bus/pci/devices");
 */
export class PlainQemu extends GuestSide {
  private constructor(
    /** Names of the buses behind the root ports. */
    readonly buses: readonly string[],
    /** Path of a second monitor, which has no client yet. */
    readonly freeSocket: string,
    ends: GuestEnds,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    super(ends);
  }

  /** Starts QEMU; resolves when its monitor answers, long before the guest has booted. */
  static async start(options: PlainQemuOptions): Promise<PlainQemu> {
    const machine = machines[options.machine ?? "q35"];
    const files = options.kernel === false ? undefined : await machine.files(toStandardError);
    const tree = options.version && (await ensureTree(options.version, toStandardError));
    const folder = await mkdtemp(join(tmpdir(), "multifunction-pci-qemu-"));
    const paths = {
      monitor: join(folder, "monitor.sock"),
      free: join(folder, "free.sock"),
      serial: join(folder, "serial.sock"),
      log: join(folder, "qemu.log"),
    };
    const count = machine.isConventional ? 1 : (options.ports ?? 4);
    const names = Array.from({ length: count }, (_, n) => `pci.${n + 1}`);
    const makeBus = (options.hostBridge && machine.hostBridge) || machine.bus;
    const buses = options.hostBridge ? names.map((name) => `${name}.0`) : names;
    const args = [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg,tb-size=64"],
      ...[...machine.args(options.version), "-m", String(options.memoryMiB ?? machine.memoryMiB)],
      // what a QEMU that knows no other has needs no asking, and is not known to it
      ...(options.slots === "native" && options.machine !== "virt" && options.version !== "5.2"
        ? ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
        : []),
      ...names.flatMap((name, n) => ["-device", makeBus(name, n + 1)]),
      ...(files
        ? ["-kernel", files.kernel, "-initrd", files.initrd, "-append", machine.kernelArguments]
        : []),
      ...[
        "-serial",
        `unix:${paths.serial},server=on,wait=off`,
        "-chardev",
        `socket,id=${options.monitorId ?? "own"},path=${paths.monitor},server=on,wait=off`,
        "-mon",
        `chardev=${options.monitorId ?? "own"},mode=control`,
        "-qmp",
        `unix:${paths.free},server=on,wait=off`,
      ],
      ...(options.uuid === undefined ? [] : ["-uuid", options.uuid]),
      ...(options.paused ? ["-S"] : []),
      ...(options.more ?? []),
    ];
    const log = await open(paths.log, "a");
    const program = [machine.program, ...args];
    const folders = [folder, ...(files ? [dirname(files.kernel), dirname(files.initrd)] : [])];
    const [file = "", ...words] = tree ? inTree({ tree, folders }, program) : [...WITH_US, ...program];
    const child = spawn(file, words, { stdio: ["ignore", log.fd, log.fd] });
    try {
      await once(child, "spawn");
      await log.close();
      await untilExists(child, [paths.monitor, paths.free, paths.serial]);
      return new PlainQemu(buses, paths.free, await connectGuest(paths), child, folder);
    } catch (cause) {
      child.kill("SIGKILL");
      const said = await readFile(paths.log, "utf8").catch(() => "");
      await rm(folder, { recursive: true, force: true });
      throw new Error(`QEMU did not start: ${said.slice(-2000)}`, { cause });
    }
  }

  /** QEMU's process id. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Addresses of the PCI functions behind the root ports that the guest's kernel shows, sorted. */
  async pciFunctions(): Promise<string[]> {
    const listing = await this.console("ls -1 /sys/bus/pci/devices");
    return listing
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("0000:00:"))
      .sort();
  }

  /** Ends QEMU at once, as a crash would, and removes its files. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await exited;
    }
    this.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Waits for what a program makes when it has started; throws where it has ended before. */
export async function untilExists(child: ChildProcess, paths: readonly string[]): Promise<void> {
  const endsAt = Date.now() + START_MS;
  while (!paths.every(existsSync)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it has ended");
    if (Date.now() > endsAt) throw new Error(`its sockets were not there within ${START_MS} ms`);
    await sleep(POLL_MS);
  }
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
