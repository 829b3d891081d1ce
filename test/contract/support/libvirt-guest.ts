import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureTree, inTree, type QemuVersion } from "../../../lab/qemu-versions";
import { LibvirtSession } from "../../../provider/hypervisor/libvirt";
import { LibvirtMonitor } from "../../../provider/hypervisor/libvirt/libvirt-monitor";
import type { QmpMonitor } from "../../../provider/qmp";
import { connectGuest, GuestSide, machines, untilExists, type GuestEnds } from "../../support/plain-qemu";
import { OWN_GUEST } from "../../support/world";
import type { CellKind } from "../../support/matrix/cells";
import { domainXml } from "./domain-xml";

/** What libvirtd is told: one guest, of root's, without what it would need of this machine. */
const QEMU_CONF = [
  ...['user = "root"', 'group = "root"', 'security_driver = "none"', 'stdio_handler = "file"'],
  ...["dynamic_ownership = 0", "remember_owner = 0", "namespaces = []", "cgroup_controllers = []"],
].join("\n");

/** Runs in the tree, as the first of its processes: whatever libvirt starts ends with it. */
const START = `
cp "$1/qemu.conf" /etc/libvirt/qemu.conf
rm -f /etc/libvirt/qemu/networks/autostart/*
libvirtd --config "$1/libvirtd.conf" >"$1/libvirtd.log" 2>&1 &
until [ -S "$1/libvirt-sock" ]; do sleep 0.1; done
if [ -e "$1/guest.xml" ]; then
  virsh -q -c "qemu:///system?socket=$1/libvirt-sock" create "$1/guest.xml" >"$1/virsh.log" 2>&1 || exit 1
fi
touch "$1/ready"
wait
`;

const socketIn = (folder: string): string => join(folder, "libvirt-sock");

/** A libvirtd of a Debian release, with processes, network and files of its own. */
export class Libvirtd {
  /** The product's own connection to it. */
  readonly session: LibvirtSession;

  private constructor(
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    const openUnixSocket = async () => {
      const socket = connect(socketIn(folder));
      await once(socket, "connect");
      return socket;
    };
    const openCommand = () => Promise.reject(new Error("there is no SSH here"));
    this.session = new LibvirtSession({ label: "libvirtd", openUnixSocket, openCommand }, "qemu:///system");
  }

  /**
   * @param guest its description, where one is to be started; gets the folder for its sockets
   * @param shared folders that it needs beside
   */
  static async start(
    version: QemuVersion,
    guest?: (folder: string) => string,
    shared: readonly string[] = [],
  ): Promise<Libvirtd> {
    const tree = await ensureTree(version, toStandardError);
    const folder = await mkdtemp(join(tmpdir(), "multifunction-pci-libvirt-"));
    await writeFile(join(folder, "qemu.conf"), QEMU_CONF);
    await writeFile(
      join(folder, "libvirtd.conf"),
      [`unix_sock_dir = "${folder}"`, 'auth_unix_rw = "none"', 'unix_sock_rw_perms = "0700"'].join("\n"),
    );
    if (guest !== undefined) await writeFile(join(folder, "guest.xml"), guest(folder));
    const place = { tree, folders: [folder, ...shared], apart: true };
    const [file = "", ...args] = inTree(place, ["sh", "-c", START, "sh", folder]);
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "inherit"] });
    const libvirtd = new Libvirtd(folder, child);
    try {
      await untilExists(child, [join(folder, "ready")]);
      return libvirtd;
    } catch (cause) {
      const logs = ["virsh.log", "libvirtd.log"].map((name) =>
        readFile(join(folder, name), "utf8").catch(() => ""),
      );
      const said = (await Promise.all(logs)).join("\n").slice(-3000);
      await libvirtd.stop();
      throw new Error(`libvirtd or its guest did not start: ${said}`, { cause });
    }
  }

  async stop(): Promise<void> {
    await this.session.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A guest that libvirt has started, from the same kernel and first process as the plain ones. */
export class LibvirtGuest extends GuestSide {
  private constructor(
    /** The product's way to QEMU: libvirt's monitor call. */
    readonly productMonitor: QmpMonitor,
    private readonly libvirtd: Libvirtd,
    ends: GuestEnds,
  ) {
    super(ends);
  }

  static async start(version: QemuVersion, kind: CellKind): Promise<LibvirtGuest> {
    const files = await machines[kind.machine].files(toStandardError);
    const libvirtd = await Libvirtd.start(version, (folder) => domainXml(kind, version, files, folder), [
      dirname(files.kernel),
      dirname(files.initrd),
    ]);
    try {
      const { folder, session } = libvirtd;
      const ends = await connectGuest({
        monitor: join(folder, "monitor.sock"),
        serial: join(folder, "serial.sock"),
      });
      const client = await session.client();
      const domain = await client.lookupDomain(OWN_GUEST.name);
      return new LibvirtGuest(new LibvirtMonitor(session, () => domain), libvirtd, ends);
    } catch (cause) {
      await libvirtd.stop();
      throw cause;
    }
  }

  /** E.g. `9.0.0`. */
  async libvirtVersion(): Promise<string> {
    const version = await (await this.libvirtd.session.client()).libVersion();
    return [version / 1_000_000, (version / 1000) % 1000, version % 1000].map(Math.floor).join(".");
  }

  async stop(): Promise<void> {
    this.close();
    await this.libvirtd.stop();
  }
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
