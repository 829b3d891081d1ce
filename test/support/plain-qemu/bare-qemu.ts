import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { QmpSocket } from "./qmp-socket";

/** A QEMU of any machine, whose processor never runs: what its slots take can be seen all the same. */
export class BareQemu {
  private constructor(
    readonly monitor: QmpSocket,
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(program: string, args: readonly string[]): Promise<BareQemu> {
    const folder = await mkdtemp(join(tmpdir(), "multifunction-pci-bare-"));
    const path = join(folder, "monitor.sock");
    const all = [
      ...["--pdeathsig", "KILL", program, "-nodefaults", "-no-user-config", "-display", "none"],
      ...["-accel", "tcg", "-S", "-qmp", `unix:${path},server=on,wait=off`, ...args],
    ];
    const child = spawn("setpriv", all, { stdio: "ignore" });
    await once(child, "spawn");
    for (let tries = 0; !existsSync(path); tries++) {
      if (child.exitCode !== null || tries > 1000) throw new Error(`${program} did not start`);
      await sleep(20);
    }
    return new BareQemu(await QmpSocket.connect(path), child, folder);
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
