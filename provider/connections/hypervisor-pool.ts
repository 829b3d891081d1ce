import { hasCode } from "../errors";
import {
  libvirtHypervisor,
  LibvirtSession,
  readRunningGuests,
  type LibvirtUri,
  type RunningGuests,
  type StreamFactory,
} from "../hypervisor/libvirt";
import {
  limitCommands,
  findHolders,
  plainHypervisor,
  plainMonitor,
  type HostChannels,
  type HostFolders,
  type MadeIn,
  type PlainHypervisorOptions,
  type PlainGuestLocator,
  type Privilege,
  type QmpSession,
} from "../hypervisor/plain-qemu";
import type { Hypervisor, Lock } from "../apply";
import type { HostFacts } from "../host/uses";
import type { PciAddress } from "../pci";
import type { ConnectionInputs } from "../resource";
import { SshPool, type SshConnection, type SshTarget } from "../ssh";
import type { PciListing } from "../host/facts";
import { SshTargets } from "./ssh-target-resolver";

/** Which guest, over which connection. */
export type GuestLocator = LibvirtLocator | SocketLocator;

/** A guest that libvirt manages. */
export interface LibvirtLocator {
  readonly connection: ConnectionInputs;
  readonly by: "libvirt";
  /** Name or UUID. */
  readonly guest: string;
  readonly uri: LibvirtUri | undefined;
}

/** A QEMU that nobody manages. */
export interface SocketLocator {
  readonly connection: ConnectionInputs;
  readonly by: "socket";
  /** Path of its monitor's socket on the host. */
  readonly socket: string;
  readonly privilege: Privilege;
  /** The guest that an attachment was made in, where there is one. */
  readonly guestUuid?: string;
  /** See PlainHypervisorOptions. */
  readonly madeIn?: MadeIn;
}

/** How a QEMU without libvirt is put together. */
export interface PlainParts {
  readonly monitor: (locator: PlainGuestLocator) => QmpSession;
  readonly hypervisor: (options: PlainHypervisorOptions) => Hypervisor;
  /** Default: those of every Linux host. */
  readonly folders?: HostFolders;
}

/** Limits of one dial. */
export interface DialLimits {
  readonly dialErrorLimit: number;
  readonly perDialTimeoutSeconds: number;
}

const PREVIEW_DIAL: DialLimits = { dialErrorLimit: 1, perDialTimeoutSeconds: 5 };

/** How a hypervisor is opened. */
export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly limits?: DialLimits;
  readonly progress?: (line: string) => void;
  /** An operation that takes locks: what they need is started while libvirt is being opened. */
  readonly willLock?: boolean;
  /** In place of a survey of its own, for who has made one already. */
  readonly readHostFacts?: (signal: AbortSignal) => Promise<HostFacts>;
}

/** A host that is looked at without a guest in mind. */
export interface OpenHost {
  readonly label: string;
  readonly hostKeyFingerprint: string;
  readHostFacts(signal: AbortSignal): Promise<HostFacts>;
  listPciFunctions(signal: AbortSignal): Promise<PciListing>;
  /** By libvirt. @throws as LibvirtSession.client */
  runningGuests(uri: LibvirtUri, signal: AbortSignal): Promise<RunningGuests>;
  /** Without libvirt. @throws as findHolders */
  holders(addresses: readonly PciAddress[], signal: AbortSignal): ReturnType<typeof findHolders>;
}

/**
 * Where sshd forwards no sockets, each libvirt connection is a session of the SSH connection, as the helper is; sshd
 * allows ten (MaxSessions).
 */
const MAX_LIBVIRT_CONNECTIONS = 8;

/** Without libvirt each request to the host program is such a session, and so is each relay to a monitor. */
const MAX_REQUESTS = 4;
const MAX_RELAYS = 4;

/** What is shared by all guests without libvirt over one SSH connection. */
interface PlainConnection {
  readonly channels: HostChannels;
  readonly relayChannels: HostChannels;
  readonly monitors: Map<string, QmpSession>;
}

/**
 * The hypervisors of this process: one SSH connection per host, one libvirt connection per guest, shared
 * by all resources of one `pulumi` command (it runs them all in one provider process). Beyond the eighth, guests
 * share libvirt connections.
 */
export class Hypervisors {
  /** From connection arguments to what is dialled; knows the credentials of stack and environment. */
  readonly targets: SshTargets;
  readonly #pool = new SshPool();
  readonly #unanswered = new Map<string, Error>();
  readonly #sessions = new Map<SshConnection, Map<string, LibvirtSession>>();
  readonly #plainConnections = new Map<SshConnection, PlainConnection>();
  readonly #plain: PlainParts;

  constructor(
    plain: PlainParts = { monitor: plainMonitor, hypervisor: plainHypervisor },
    targets = new SshTargets(),
  ) {
    this.#plain = plain;
    this.targets = targets;
  }

  /** @throws the ProviderErrors of the SSH room; the signal's reason. */
  async open(locator: GuestLocator, options: OpenOptions = {}): Promise<Hypervisor> {
    const own = await this.targets.of(locator.connection);
    const target: SshTarget = { ...own, ...options.limits };
    const ssh = await this.#pool.acquire(target, options.signal);
    if (options.willLock) ssh.locks.prepare();
    const lock = lockOf(ssh, options.progress);
    const readHostFacts =
      options.readHostFacts ?? ((signal: AbortSignal): Promise<HostFacts> => ssh.locks.readHostFacts(signal));
    if (locator.by === "socket") {
      const { socket, privilege, guestUuid, madeIn } = locator;
      const { channels, relayChannels, monitors } = this.#plainConnectionOf(ssh);
      const plain = { channels, relayChannels, socket, privilege };
      const monitor = this.#monitorOf(monitors, plain);
      return this.#plain.hypervisor({
        ...plain,
        monitor,
        lock,
        readHostFacts,
        ...(guestUuid !== undefined && { guestUuid }),
        ...(madeIn && { madeIn }),
      });
    }
    const { session, shareWith } = this.#sessionOf(ssh, locator);
    const onFound = ({ uuid }: { readonly uuid: string }): void => shareWith(uuid);
    return libvirtHypervisor({ session, guest: locator.guest, lock, readHostFacts, onFound });
  }

  /** @throws as {@link open} */
  async openHost(connection: ConnectionInputs, options: OpenOptions = {}): Promise<OpenHost> {
    const target: SshTarget = { ...(await this.targets.of(connection)), ...options.limits };
    const ssh = await this.#pool.acquire(target, options.signal);
    const { label, hostKeyFingerprint, locks } = ssh;
    return {
      label,
      hostKeyFingerprint,
      readHostFacts: (signal) => locks.readHostFacts(signal),
      listPciFunctions: (signal) => locks.listPciFunctions(signal),
      runningGuests: async (uri, signal) => {
        const session = new LibvirtSession(streamsOf(ssh), uri);
        try {
          return await readRunningGuests(session, signal);
        } finally {
          await session.close();
        }
      },
      holders: (addresses, signal) =>
        findHolders(this.#plainConnectionOf(ssh).channels, "login", addresses, signal, this.#plain.folders),
    };
  }

  /**
   * For a look that is worth a few seconds only. A host that does not answer is waited for once in a process: every
   * resource on it would cost as much again.
   *
   * @throws as {@link open}
   */
  async openForPreview(locator: GuestLocator, signal: AbortSignal): Promise<Hypervisor> {
    const key = JSON.stringify(locator.connection);
    const known = this.#unanswered.get(key);
    if (known !== undefined) throw known;
    try {
      return await this.open(locator, { signal, limits: PREVIEW_DIAL });
    } catch (error) {
      if (error instanceof Error && hasCode(error, "SSH_DIAL_FAILED")) this.#unanswered.set(key, error);
      throw error;
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()].flatMap((one) => [...new Set(one.values())]);
    const monitors = [...this.#plainConnections.values()].flatMap((one) => [...one.monitors.values()]);
    await Promise.all([...sessions, ...monitors].map((session) => session.close()));
    await this.#pool.close();
  }

  #plainConnectionOf(ssh: SshConnection): PlainConnection {
    const known = this.#plainConnections.get(ssh);
    if (known !== undefined) return known;
    const all = channelsOf(ssh);
    const connection: PlainConnection = {
      channels: limitCommands(all, MAX_REQUESTS),
      relayChannels: limitCommands(all, MAX_RELAYS),
      monitors: new Map<string, QmpSession>(),
    };
    this.#plainConnections.set(ssh, connection);
    void ssh.closed.then(() => this.#plainConnections.delete(ssh));
    return connection;
  }

  /** One for each socket: QEMU serves one client of it at a time, and this process is one. */
  #monitorOf(monitors: Map<string, QmpSession>, locator: PlainGuestLocator): QmpSession {
    const key = `${locator.privilege} ${locator.socket.replace(/^\/var\/run\//, "/run/")}`;
    const monitor = monitors.get(key) ?? this.#plain.monitor(locator);
    monitors.set(key, monitor);
    return monitor;
  }

  /** A guest is asked for by name where it is attached to, by UUID from then on: one session for both. */
  #sessionOf(
    ssh: SshConnection,
    locator: LibvirtLocator,
  ): { readonly session: LibvirtSession; readonly shareWith: (guest: string) => void } {
    let sessions = this.#sessions.get(ssh);
    if (sessions === undefined) {
      sessions = new Map<string, LibvirtSession>();
      this.#sessions.set(ssh, sessions);
      void ssh.closed.then(() => this.#sessions.delete(ssh));
    }
    const uri = locator.uri ?? "qemu:///system";
    const known = sessions;
    const keyOf = (guest: string): string => `${uri} ${guest}`;
    const session = known.get(keyOf(locator.guest)) ?? newOrShared(known, ssh, uri);
    const shareWith = (guest: string): void => {
      if (!known.has(keyOf(guest))) known.set(keyOf(guest), session);
    };
    shareWith(locator.guest);
    return { session, shareWith };
  }
}

function newOrShared(
  known: ReadonlyMap<string, LibvirtSession>,
  ssh: SshConnection,
  uri: LibvirtUri,
): LibvirtSession {
  const all = [...new Set(known.values())];
  const alike = all.filter((one) => one.uri === uri);
  const shared = all.length < MAX_LIBVIRT_CONNECTIONS ? undefined : alike[known.size % alike.length];
  return shared ?? new LibvirtSession(streamsOf(ssh), uri);
}

function channelsOf(ssh: SshConnection): HostChannels {
  return {
    label: ssh.label,
    hostKeyFingerprint: ssh.hostKeyFingerprint,
    openUnixSocket: ssh.openUnixSocket.bind(ssh),
    exec: ssh.exec.bind(ssh),
  };
}

function streamsOf(ssh: SshConnection): StreamFactory {
  return {
    label: ssh.label,
    hostKeyFingerprint: ssh.hostKeyFingerprint,
    openUnixSocket: ssh.openUnixSocket.bind(ssh),
    openCommand: async (command, signal) => (await ssh.exec(command, signal)).stdio,
  };
}

function lockOf(ssh: SshConnection, progress: ((line: string) => void) | undefined): Lock {
  return {
    acquire: (names, signal, clock) =>
      ssh.locks.lock(names, signal, {
        onWaiting: (name) => progress?.(`waiting for another operation to let go of ${name}`),
        clock,
      }),
  };
}
