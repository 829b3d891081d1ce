import type { Hypervisor, Progress } from "../apply";
import {
  HostRequests,
  plainHypervisor,
  plainMonitor,
  type HostFolders,
  type PlainGuestLocator,
  type PlainHypervisorOptions,
  type Privilege,
  type QmpSession,
} from "../hypervisor/plain-qemu";
import type { SshConnection } from "../ssh";
import { channelsOf, lockOf } from "./channels";
import type { SocketLocator } from "./guest-locator";

/** How one guest is opened. */
export interface PlainOpenOptions extends Pick<PlainHypervisorOptions, "owner"> {
  readonly progress?: Progress | undefined;
  /** An operation that takes locks: the host program is started ahead of them. */
  readonly willLock?: boolean | undefined;
  /** In place of reading them again, if the caller has read them already. */
  readonly readHostFacts?: PlainHypervisorOptions["readHostFacts"] | undefined;
  readonly readFunctionFacts?: PlainHypervisorOptions["readFunctionFacts"] | undefined;
}

/** How a QEMU without libvirt is put together. */
export interface PlainParts {
  readonly monitor: (locator: PlainGuestLocator) => QmpSession;
  readonly hypervisor: (options: PlainHypervisorOptions) => Hypervisor;
  /** Default: those of every Linux host. */
  readonly folders?: HostFolders;
}

/** The parts of every Linux host. */
export const PLAIN_PARTS: PlainParts = { monitor: plainMonitor, hypervisor: plainHypervisor };

/** What all guests without libvirt share over one SSH connection. */
export class PlainConnection {
  readonly #ssh: SshConnection;
  readonly #programs = new Map<Privilege, HostRequests>();
  readonly #monitors = new Map<string, QmpSession>();
  readonly #parts: PlainParts;

  constructor(ssh: SshConnection, parts: PlainParts) {
    this.#ssh = ssh;
    this.#parts = parts;
  }

  /** The guest behind the locator's socket. */
  open(
    { socket, privilege, guestUuid, madeIn }: SocketLocator,
    { progress, willLock, owner, ...reading }: PlainOpenOptions = {},
  ): Hypervisor {
    const requests = this.programOf(privilege);
    const { helper } = requests;
    if (willLock === true) helper.prepare();
    const { folders } = this.#parts;
    const plain = { channels: channelsOf(this.#ssh), requests, socket, privilege, folders };
    return this.#parts.hypervisor({
      ...plain,
      monitor: this.#monitorOf(plain),
      lock: lockOf(helper, progress),
      ...reading,
      owner,
      ...(guestUuid !== undefined && { guestUuid }),
      ...(madeIn && { madeIn }),
    });
  }

  /** The host program, one for each way to become root: its changes are asked under its own locks. */
  programOf(privilege: Privilege): HostRequests {
    const program =
      this.#programs.get(privilege) ?? new HostRequests(this.#ssh, privilege, this.#parts.folders);
    this.#programs.set(privilege, program);
    return program;
  }

  /** Ends every session with a monitor, and then the programs. */
  async close(): Promise<void> {
    await Promise.all([...this.#monitors.values()].map((monitor) => monitor.close()));
    await Promise.all([...this.#programs.values()].map(({ helper }) => helper.close()));
  }

  /** One session for each socket: QEMU serves one client of it at a time, and this process is one client. */
  #monitorOf(locator: PlainGuestLocator): QmpSession {
    const key = `${locator.privilege} ${locator.socket.replace(/^\/var\/run\//, "/run/")}`;
    const monitor = this.#monitors.get(key) ?? this.#parts.monitor(locator);
    this.#monitors.set(key, monitor);
    return monitor;
  }
}
