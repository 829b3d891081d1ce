import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConsoleName, GuestName } from "./guests";
import type { LabImage } from "./image";
import type { Lab, LabSsh } from "./lab";
import { humanMonitorSilently, machineMonitor, type RunFolder } from "./machine";
import type { Release } from "./release";
import { Shell, shellWord, type ExecOptions, type ExecResult } from "./shell";
import { SNAPSHOT_NAME } from "./snapshot";

/** Twenty times what an idle machine with two processors takes without KVM. */
const REBOOT_TIMEOUT_MS = 10 * 60_000;
/** What a host answers at once, if it answers. */
const SIGN_OF_LIFE_MS = 5_000;

const BOOT_ID = "cat /proc/sys/kernel/random/boot_id";

/**
 * Without a process for each function: there are some eighty, and a process takes 20 ms of an emulated host.
 */
const LIST_DRIVERS = `cd /sys/bus/pci && for one in devices/*; do echo "\${one#*/}"; done &&
for one in drivers/*/????:??:??.?; do name=\${one#*/}; echo "\${name#*/} \${name%/*}"; done`;

/** What a running lab consists of. */
interface LabParts {
  readonly folder: RunFolder;
  readonly image: LabImage;
  readonly release: Release;
  /** Where sshd is reached. */
  readonly port: number;
  /** Called by `close`. */
  readonly end: () => Promise<void>;
}

/** A lab whose machine runs; how that came about and how it ends is the maker's business. */
export class RunningLab implements Lab {
  readonly ssh: LabSsh;
  readonly release: Release;
  private readonly folder: RunFolder;
  private readonly end: () => Promise<void>;
  private shell: Promise<Shell> | undefined;
  /** Per guest: the end of the last command on its console, which one client at a time can have. */
  private readonly turns = new Map<ConsoleName, Promise<unknown>>();

  constructor({ folder, image, release, port, end }: LabParts) {
    this.folder = folder;
    this.release = release;
    this.end = end;
    this.ssh = {
      host: "127.0.0.1",
      port,
      hostKey: image.hostKey,
      privateKey: image.privateKey,
      privateKeyFile: image.privateKeyFile,
      users: { root: "root", operator: "operator", outsider: "outsider" },
    };
  }

  get runFolder(): string {
    return this.folder.path;
  }

  async restore(state = SNAPSHOT_NAME): Promise<void> {
    await this.disconnect();
    await humanMonitorSilently(this.folder.monitorSocket, `loadvm ${state}`);
    await this.awaken();
  }

  async save(state: string): Promise<void> {
    await this.disconnect();
    await humanMonitorSilently(this.folder.monitorSocket, `savevm ${state}`);
  }

  async reboot(): Promise<void> {
    const { monitorSocket } = this.folder;
    const before = await this.succeed(BOOT_ID);
    // the machine is started such that a panic, which reboots, is the end of it
    await machineMonitor(monitorSocket, "set-action", { reboot: "reset" });
    try {
      await this.exec("systemctl reboot", { timeoutMs: SIGN_OF_LIFE_MS }).catch(() => undefined);
      await this.untilBootedAfter(before);
      await this.exec("systemctl is-system-running --wait", { timeoutMs: REBOOT_TIMEOUT_MS });
    } finally {
      await machineMonitor(monitorSocket, "set-action", { reboot: "shutdown" });
    }
    await this.awaken();
  }

  private async untilBootedAfter(before: string): Promise<void> {
    const endsAt = Date.now() + REBOOT_TIMEOUT_MS;
    while (Date.now() < endsAt) {
      const now = await this.exec(BOOT_ID, { timeoutMs: SIGN_OF_LIFE_MS }).catch(() => undefined);
      if (now?.code === 0 && now.stdout !== before) return;
      await sleep(1_000);
    }
    throw new Error(`The lab's host did not come back within ${REBOOT_TIMEOUT_MS} ms`);
  }

  /** After a state was loaded: sets the clock, which stands where the state was saved. */
  async awaken(): Promise<void> {
    const seconds = (Date.now() / 1000).toFixed(3);
    await this.succeed(`date --set=@${seconds} >/dev/null`);
  }

  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return (await this.connected()).exec(command, options);
  }

  guestConsole(guest: ConsoleName, command: string): Promise<string> {
    if (command.includes("\n")) throw new Error("A guest's console takes one line at a time");
    const words = [guest, "run", `mark-${randomUUID()}`, command].map(shellWord).join(" ");
    const output = (this.turns.get(guest) ?? Promise.resolve()).then(async () => {
      const { code, stdout, stderr } = await this.exec(`lab-console ${words}`);
      const text = stdout.replaceAll("\r", "");
      if (code !== 0) throw new Error(`In ${guest}, "${command}" ended with ${code}: ${text}${stderr}`);
      return text;
    });
    this.turns.set(
      guest,
      output.catch(() => undefined),
    );
    return output;
  }

  async guestPciFunctions(guest: ConsoleName): Promise<string[]> {
    const listing = await this.guestConsole(guest, "ls -1 /sys/bus/pci/devices");
    return listing.split("\n").filter(Boolean).sort();
  }

  async hostDriver(address: string): Promise<string | null> {
    const driver = (await this.hostDrivers())[address];
    if (driver === undefined) throw new Error(`The lab's host has no PCI function ${address}`);
    return driver;
  }

  async hostDrivers(): Promise<Record<string, string | null>> {
    const lines = (await this.succeed(LIST_DRIVERS)).trim().split("\n");
    return Object.fromEntries(
      lines.map((line) => {
        const [address = "", driver = ""] = line.split(" ");
        return [address, driver || null];
      }),
    );
  }

  async qmp(guest: GuestName, command: string, args?: object): Promise<unknown> {
    const request = JSON.stringify(args ? { execute: command, arguments: args } : { execute: command });
    const text = await this.succeed(`virsh qemu-monitor-command ${guest} ${shellWord(request)}`);
    const reply = JSON.parse(text) as {
      return?: unknown;
      error?: { class: string; desc: string };
    };
    if (reply.error) throw new Error(`QMP ${command} in ${guest}: ${reply.error.class}: ${reply.error.desc}`);
    return reply.return;
  }

  async disconnect(): Promise<void> {
    const shell = this.shell;
    this.shell = undefined;
    this.turns.clear();
    (await shell?.catch(() => undefined))?.close();
  }

  async close(): Promise<void> {
    await this.disconnect();
    await this.end();
  }

  private async succeed(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.exec(command);
    if (code !== 0) throw new Error(`In the lab, "${command}" ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  private connected(): Promise<Shell> {
    this.shell ??= Shell.connect(this.folder.shellSocket);
    return this.shell;
  }
}
