import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureTree, inTree, type QemuVersion } from "../../../lab/qemu-versions";
import { QmpSocket } from "./qmp-socket";

/** How it is started. */
export interface BareQemuOptions {
  /** Another QEMU than this machine's own (root needed). */
  readonly version?: QemuVersion;
  /** Its processor runs, in the firmware. Default: false. */
  readonly runs?: boolean;
}

/** A QEMU of any machine without a guest: what its slots take can be seen all the same. */
export class BareQemu {
  /** Of none it is known beforehand. */
  readonly buses: readonly string[] = [];

  private constructor(
    readonly monitor: QmpSocket,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(
    program: string,
    args: readonly string[],
    { version, runs }: BareQemuOptions = {},
  ): Promise<BareQemu> {
    const tree = version && (await ensureTree(version, (line) => void process.stderr.write(`${line}\n`)));
    const folder = await mkdtemp(join(tmpdir(), "multifunction-pci-bare-"));
    const path = join(folder, "monitor.sock");
    const command = [
      ...[program, "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg"],
      ...["-qmp", `unix:${path},server=on,wait=off`, ...(runs ? [] : ["-S"]), ...args],
    ];
    const alone = ["setpriv", "--pdeathsig", "KILL", ...command];
    const [file = "", ...words] = tree ? inTree({ tree, folders: [folder] }, command) : alone;
    const child = spawn(file, words, { stdio: "ignore" });
    await once(child, "spawn");
    for (let tries = 0; !existsSync(path); tries++) {
      if (child.exitCode !== null || tries > 1000) throw new Error(`${program} did not start`);
      await sleep(20);
    }
    return new BareQemu(await QmpSocket.connect(path), child, folder);
  }

  get hasEnded(): boolean {
    return this.monitor.isClosed;
  }

  /** Resolves when it has ended by itself; false where it has not within this time. */
  async ends(withinMs: number): Promise<boolean> {
    const ended = this.child.exitCode !== null || this.child.signalCode !== null;
    return ended || Promise.race([once(this.child, "exit").then(() => true), sleep(withinMs, false)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.monitor.close();
    if (!(await this.ends(0))) {
      const exited = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
