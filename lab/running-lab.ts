import { GuestConsole, type GuestName } from "./guest-console";
import type { LabImage } from "./image";
import type { Lab, LabSsh } from "./lab";
import { humanMonitorSilently, type RunFolder } from "./machine";
import { Shell, type ExecOptions, type ExecResult } from "./shell";
import { SNAPSHOT_NAME } from "./snapshot";

/** Time for sshd to answer; everything is up in the saved state, so this is for a busy machine. */
const SSH_TIMEOUT_MS = 60_000;

const LIST_DRIVERS = `cd /sys/bus/pci/devices && for address in *; do
  if [ -e "$address/driver" ]; then driver=$(readlink -f "$address/driver"); else driver=; fi
  echo "$address \${driver##*/}"
done`;

/** A lab whose machine runs; how that came about and how it ends is the maker's business. */
export class RunningLab implements Lab {
  readonly ssh: LabSsh;
  private shell: Promise<Shell> | undefined;
  private readonly consoles = new Map<GuestName, Promise<GuestConsole>>();

  constructor(
    private readonly folder: RunFolder,
    image: LabImage,
    port: number,
    private readonly end: () => Promise<void>,
  ) {
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

  async restore(): Promise<void> {
    await this.disconnect();
    await humanMonitorSilently(this.folder.monitorSocket, `loadvm ${SNAPSHOT_NAME}`);
    await this.awaken();
  }

  /** After a state was loaded: waits for sshd, and sets the clock, which stands where the state was saved. */
  async awaken(): Promise<void> {
    const seconds = (Date.now() / 1000).toFixed(3);
    await this.succeed(`date --set=@${seconds} >/dev/null`);
  }

  async exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    return (await this.connected()).exec(command, options);
  }

  async guestConsole(guest: GuestName, command: string): Promise<string> {
    const open =
      this.consoles.get(guest) ?? this.connected().then((shell) => GuestConsole.open(shell, guest));
    this.consoles.set(guest, open);
    return (await open).run(command);
  }

  async guestPciFunctions(guest: GuestName): Promise<string[]> {
    const listing = await this.guestConsole(guest, "cd /sys/bus/pci/devices; printf '%s\\n' *");
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
    const text = await this.succeed(`virsh qemu-monitor-command ${guest} ${shellQuoted(request)}`);
    const reply = JSON.parse(text) as { return?: unknown; error?: { class: string; desc: string } };
    if (reply.error) throw new Error(`QMP ${command} in ${guest}: ${reply.error.class}: ${reply.error.desc}`);
    return reply.return;
  }

  async disconnect(): Promise<void> {
    const shell = this.shell;
    this.shell = undefined;
    this.consoles.clear();
    (await shell?.catch(() => undefined))?.drop();
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
    this.shell ??= Shell.connect(
      { port: this.ssh.port, privateKey: this.ssh.privateKey, hostKey: this.ssh.hostKey },
      SSH_TIMEOUT_MS,
    );
    return this.shell;
  }
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
