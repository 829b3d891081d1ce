import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureGuestFiles } from "../../../lab";
import type { QmpArguments } from "../../../provider/qmp";
import { GuestConsole } from "./guest-console";
import { QmpSocket } from "./qmp-socket";

/** How a guest is started. */
export interface PlainQemuOptions {
  /** Which hotplug mechanism serves the root ports: QEMU's default for q35, or each port's own. */
  readonly slots: "acpi" | "native";
  /** `pc` has conventional slots: those of `pci.0`, and of a bridge `pci.1`; no root ports. Default: `q35`. */
  readonly machine?: "q35" | "pc";
  /** Without a kernel the guest stays in its firmware, which never lets go of anything. Default: true. */
  readonly kernel?: boolean;
  /** Started paused (`-S`): its processor has not run an instruction until `cont`. Default: false. */
  readonly paused?: boolean;
  /** Default: 256. */
  readonly memoryMiB?: number;
  /** Root ports, `pci.1` and up. Default: 4. */
  readonly ports?: number;
  /** Default: none, as where QEMU is started by hand. */
  readonly uuid?: string;
  /** Id of the first monitor's socket: libvirt's own has one by which it is known. */
  readonly monitorId?: string;
}

/** The lab's guests have the same (lab-start-guest), but for the last: on a busy machine that check finds no timer. */
const KERNEL_ARGUMENTS =
  "console=ttyS0 quiet loglevel=3 mitigations=off no5lvl audit=0 random.trust_cpu=on no_timer_check";

/** Generous: a machine may be busy. */
const START_MS = 60_000;
const BOOT_MS = 300_000;
const COMMAND_MS = 60_000;
const POLL_MS = 20;

/**
 * A guest on a QEMU of this machine, without libvirt: emulated, with the lab's own kernel and first process, some
 * PCI Express root ports, a monitor and a serial console. Boots in seconds. Its QEMU ends with {@link stop}, and with
 * the process that started it, however that ends.
 *
 * @example
 * await using qemu = await PlainQemu.start({ slots: "acpi" });
 * await qemu.booted();
 * await qemu.qmp("device_add", { driver: "virtio-rng-pci", id: "one", bus: "pci.4" });
 * await qemu.console("ls /sys/bus/pci/devices");
 */
export class PlainQemu {
  private constructor(
    /** Names of the buses behind the root ports. */
    readonly buses: readonly string[],
    /** Path of a second monitor, which has no client yet. */
    readonly freeSocket: string,
    /** QEMU's monitor; `STOPPED` is among its events when QEMU ends. */
    readonly monitor: QmpSocket,
    private readonly serial: GuestConsole,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts QEMU; resolves when its monitor answers, long before the guest has booted. */
  static async start(options: PlainQemuOptions): Promise<PlainQemu> {
    const files = options.kernel === false ? undefined : await ensureGuestFiles(toStandardError);
    const folder = await mkdtemp(join(tmpdir(), "multifunction-pci-qemu-"));
    const paths = {
      monitor: join(folder, "monitor.sock"),
      free: join(folder, "free.sock"),
      serial: join(folder, "serial.sock"),
      log: join(folder, "qemu.log"),
    };
    const machine = options.machine ?? "q35";
    const isConventional = machine === "pc";
    const buses = Array.from({ length: isConventional ? 1 : (options.ports ?? 4) }, (_, n) => `pci.${n + 1}`);
    const args = [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg,tb-size=64"],
      ...[
        "-M",
        `${machine},hpet=off`,
        "-cpu",
        "max,la57=off,svm=off",
        "-m",
        String(options.memoryMiB ?? 256),
      ],
      ...(options.slots === "native" ? ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"] : []),
      ...buses.flatMap((bus, n) => [
        "-device",
        isConventional
          ? `pci-bridge,id=${bus},bus=pci.0,addr=0x8,chassis_nr=1`
          : `pcie-root-port,id=${bus},bus=pcie.0,addr=0x${(n + 1).toString(16)},chassis=${n + 1},slot=${n + 1}`,
      ]),
      ...(files ? ["-kernel", files.kernel, "-initrd", files.initrd, "-append", KERNEL_ARGUMENTS] : []),
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
    ];
    const log = await open(paths.log, "a");
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], {
      stdio: ["ignore", log.fd, log.fd],
    });
    try {
      await once(child, "spawn");
      await log.close();
      await untilExists(child, [paths.monitor, paths.free, paths.serial]);
      const serial = await GuestConsole.connect(paths.serial);
      const monitor = await QmpSocket.connect(paths.monitor);
      await monitor.listen(({ event }) => {
        if (event === "RESET") serial.forget();
      });
      return new PlainQemu(buses, paths.free, monitor, serial, child, folder);
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

  /** Whether QEMU is gone; a guest that is paused is not. */
  get hasEnded(): boolean {
    return this.monitor.isClosed;
  }

  /** Whether the guest has booted, since its last reset. */
  get hasBooted(): boolean {
    return this.serial.isReady;
  }

  /** Runs one command of QMP; throws a QmpError where QEMU refuses it. */
  qmp(command: string, args?: QmpArguments): Promise<unknown> {
    return this.monitor.execute(command, args);
  }

  /** Resolves when the guest has booted, since its last reset. */
  booted(limitMs = BOOT_MS): Promise<void> {
    return this.serial.booted(limitMs);
  }

  /** Runs one line in the booted guest and returns what it prints; throws where it fails. */
  console(command: string, limitMs = COMMAND_MS): Promise<string> {
    return this.serial.run(command, limitMs);
  }

  /** Addresses of the PCI functions behind the root ports that the guest's kernel shows, sorted. */
  async pciFunctions(): Promise<string[]> {
    const listing = await this.console("ls -1 /sys/bus/pci/devices");
    return listing
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("0000:00:"))
      .sort();
  }

  /** Resets the guest; resolves when it is back in its firmware. */
  async reset(): Promise<void> {
    const wasReset = this.monitor.next("RESET");
    await this.qmp("system_reset");
    await wasReset;
  }

  /** Ends QEMU at once, as a crash would, and removes its files. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await exited;
    }
    this.monitor.close();
    this.serial.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function untilExists(child: ChildProcess, paths: readonly string[]): Promise<void> {
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
