import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram, SshClient, type SshDestination } from "../ssh-client";

const FUNCTIONS = [0, 1, 2, 3];

/** What virsh prints where a command fails; in a batch it goes on to the next all the same. */
const FAILED = /^error: (?!.*timeout)(.*)$/m;

/**
 * The steps by virsh on the client's machine, libvirt's own way over SSH: one process for all that comes
 * before the slot is used, and one for all that empties it. virsh can neither ask a question of what it has
 * read, nor wait for anything but an event, so that it looks and does not judge.
 */
export class VirshBatch {
  readonly #folder = mkdtempSync(join(tmpdir(), "multifunction-pci-virsh-"));
  readonly #uri: string;
  readonly #guest: string;
  readonly #bus: string;

  constructor(destination: SshDestination, guest: string, bus: string) {
    this.#guest = guest;
    this.#bus = bus;
    const ssh = join(this.#folder, "ssh");
    const args = SshClient.direct(destination).args.map((one) => `'${one}'`);
    writeFileSync(ssh, `#!/bin/sh\nexec ssh ${args.join(" ")} "$@"\n`);
    chmodSync(ssh, 0o755);
    this.#uri = `qemu+ssh://root@${destination.host}/system?command=${ssh}`;
    for (const f of FUNCTIONS) writeFileSync(this.#hostdevFile(f), unassignedHostdev(f));
  }

  attach(): Promise<void> {
    const guest = this.#guest;
    return this.#run([
      `domstate ${guest}`,
      "list --uuid",
      "dumpxml guest1",
      "dumpxml guest2",
      `dumpxml --inactive ${guest}`,
      ...this.#drivers(),
      this.#monitor("query-version", {}),
      this.#devices(),
      this.#monitor("qom-list", { path: this.#busPath() }),
      this.#monitor("qom-get", { path: this.#busPath(), property: "hotplug-handler" }),
      this.#monitor("qom-get", { path: this.#busPath(), property: "acpi-pcihp-bsel" }),
      `metadata ${guest} --uri urn:bench --key bench --live --set '<attachment slot="${this.#bus}"/>'`,
      ...FUNCTIONS.map((f) => `attach-device ${guest} ${this.#hostdevFile(f)} --live`),
      ...[1, 2, 3, 0].map((f) =>
        this.#monitor("device_add", {
          driver: "vfio-pci",
          id: `bench-f${f}`,
          host: `0000:01:00.${f}`,
          bus: this.#bus,
          addr: `0x0.${f}`,
          multifunction: true,
        }),
      ),
      // for the guest to map what was plugged: the shortest pause that virsh has
      this.#pause(),
      this.#devices(),
    ]);
  }

  detach(): Promise<void> {
    const guest = this.#guest;
    return this.#run([
      `dumpxml ${guest}`,
      this.#devices(),
      this.#monitor("qom-get", { path: "/machine/peripheral/bench-f0", property: "parent_bus" }),
      this.#monitor("qom-get", { path: this.#busPath(), property: "hotplug-handler" }),
      this.#monitor("device_del", { id: "bench-f0" }),
      `qemu-monitor-event ${guest} --event DEVICE_DELETED --timeout 60`,
      // the other three follow at once, and QEMU closes the group a moment later
      this.#pause(),
      ...FUNCTIONS.map((f) => `detach-device ${guest} ${this.#hostdevFile(f)} --live`),
      ...this.#drivers(),
      `metadata ${guest} --uri urn:bench --key bench --live --remove`,
    ]);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A second. */
  #pause(): string {
    return `qemu-monitor-event ${this.#guest} --event NOTHING --timeout 1`;
  }

  #drivers(): string[] {
    return FUNCTIONS.map((f) => `nodedev-dumpxml pci_0000_01_00_${f}`);
  }

  #devices(): string {
    return this.#monitor("qom-list", { path: "/machine/peripheral" });
  }

  #busPath(): string {
    return `/machine/peripheral/${this.#bus}/${this.#bus}`;
  }

  #monitor(execute: string, args: object): string {
    return `qemu-monitor-command ${this.#guest} '${JSON.stringify({ execute, arguments: args })}'`;
  }

  #hostdevFile(f: number): string {
    return join(this.#folder, `function-${f}.xml`);
  }

  async #run(commands: readonly string[]): Promise<void> {
    const script = `${this.#folder}/said`;
    // its exit code is that of the last command, so what it says of the others is looked through
    await runProgram("sh", [
      "-c",
      `virsh -q -c "$0" "$1" > "$2" 2>&1`,
      this.#uri,
      commands.join(" ; "),
      script,
    ]);
    const said = await runProgram("cat", [script]);
    const failed = FAILED.exec(said)?.[1] ?? /"error":.*/.exec(said)?.[0];
    if (failed !== undefined) throw new Error(`virsh: ${failed}`);
  }
}

/** An assigned function that the guest does not see, by an alias of the bench's. */
export function unassignedHostdev(f: number): string {
  return (
    `<hostdev mode="subsystem" type="pci" managed="yes"><driver name="vfio"/><source>` +
    `<address domain="0" bus="1" slot="0" function="${f}"/></source><alias name="ua-bench-${f}"/>` +
    `<address type="unassigned"/></hostdev>`
  );
}
