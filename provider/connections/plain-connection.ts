import type { Hypervisor } from "../apply";
import {
  limitCommands,
  plainHypervisor,
  plainMonitor,
  type HostChannels,
  type HostFolders,
  type PlainGuestLocator,
  type PlainHypervisorOptions,
  type QmpSession,
} from "../hypervisor/plain-qemu";
import type { SshConnection } from "../ssh";
import { channelsOf } from "./channels";
import type { SocketLocator } from "./guest-locator";

/** Without libvirt each request to the host program is a session of the SSH connection. */
const MAX_REQUESTS = 4;
/** And so is each relay to a monitor. */
const MAX_RELAYS = 4;

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
  readonly channels: HostChannels;
  readonly #relayChannels: HostChannels;
  readonly #monitors = new Map<string, QmpSession>();
  readonly #parts: PlainParts;

  constructor(ssh: SshConnection, parts: PlainParts) {
    const all = channelsOf(ssh);
    this.channels = limitCommands(all, MAX_REQUESTS);
    this.#relayChannels = limitCommands(all, MAX_RELAYS);
    this.#parts = parts;
  }

  /** The guest behind the locator's socket. */
  open(
    { socket, privilege, guestUuid, madeIn }: SocketLocator,
    { lock, readHostFacts }: Pick<PlainHypervisorOptions, "lock" | "readHostFacts">,
  ): Hypervisor {
    const plain = { channels: this.channels, relayChannels: this.#relayChannels, socket, privilege };
    return this.#parts.hypervisor({
      ...plain,
      monitor: this.#monitorOf(plain),
      lock,
      readHostFacts,
      ...(guestUuid !== undefined && { guestUuid }),
      ...(madeIn && { madeIn }),
    });
  }

  /** Ends every session with a monitor. */
  async close(): Promise<void> {
    await Promise.all([...this.#monitors.values()].map((monitor) => monitor.close()));
  }

  /** One session for each socket: QEMU serves one client of it at a time, and this process is one client. */
  #monitorOf(locator: PlainGuestLocator): QmpSession {
    const key = `${locator.privilege} ${locator.socket.replace(/^\/var\/run\//, "/run/")}`;
    const monitor = this.#monitors.get(key) ?? this.#parts.monitor(locator);
    this.#monitors.set(key, monitor);
    return monitor;
  }
}
