import {
  libvirtHypervisor,
  LibvirtSession,
  type LibvirtUri,
  type StreamFactory,
} from "../hypervisor/libvirt";
import { hasCode } from "../errors";
import type { Hypervisor, Lock } from "../lifecycle";
import type { ConnectionInputs } from "../resource";
import { SshPool, type SshConnection, type SshTarget } from "../ssh";
import { SshTargets } from "./ssh-targets";

/** Which guest, over which connection. */
export interface GuestPlace {
  readonly connection: ConnectionInputs;
  /** Name or UUID. */
  readonly guest: string;
  readonly uri: LibvirtUri | undefined;
}

/** Limits of one dial. */
export interface DialLimits {
  readonly dialErrorLimit: number;
  readonly perDialTimeoutSeconds: number;
}

const LOOK_DIAL: DialLimits = { dialErrorLimit: 1, perDialTimeoutSeconds: 5 };

/** How a hypervisor is opened. */
export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly limits?: DialLimits;
  readonly progress?: (line: string) => void;
  /** An operation that takes locks: what they need is started while libvirt is being opened. */
  readonly willLock?: boolean;
}

/**
 * Where sshd forwards no sockets, each libvirt connection is a session of the SSH connection, as the helper is; sshd
 * allows ten (MaxSessions).
 */
const MOST_LIBVIRT_CONNECTIONS = 8;

/**
 * The hypervisors of this process: one SSH connection per host, one libvirt connection per guest, shared
 * by all resources of one `pulumi` command (it runs them all in one provider process). Beyond the eighth, guests
 * share libvirt connections.
 */
export class Hypervisors {
  readonly #targets: SshTargets;
  readonly #pool = new SshPool();
  readonly #unanswered = new Map<string, Error>();
  readonly #sessions = new Map<SshConnection, Map<string, LibvirtSession>>();

  constructor(targets = new SshTargets()) {
    this.#targets = targets;
  }

  /** @throws the ProviderErrors of the SSH room; the signal's reason. */
  async open(place: GuestPlace, options: OpenOptions = {}): Promise<Hypervisor> {
    const own = await this.#targets.of(place.connection);
    const target: SshTarget = { ...own, ...options.limits };
    const ssh = await this.#pool.acquire(target, options.signal);
    if (options.willLock) ssh.locks.prepare();
    const { session, shareWith } = this.#sessionOf(ssh, place);
    return libvirtHypervisor({
      session,
      guest: place.guest,
      lock: lockOf(ssh, options.progress),
      survey: (signal) => ssh.locks.survey(signal),
      onFound: ({ uuid }) => shareWith(uuid),
    });
  }

  /**
   * For a look that is worth a few seconds only. A host that does not answer is waited for once in a process: every
   * resource on it would cost as much again.
   *
   * @throws as {@link open}
   */
  async openForLook(place: GuestPlace, signal: AbortSignal): Promise<Hypervisor> {
    const key = JSON.stringify(place.connection);
    const known = this.#unanswered.get(key);
    if (known !== undefined) throw known;
    try {
      return await this.open(place, { signal, limits: LOOK_DIAL });
    } catch (error) {
      if (error instanceof Error && hasCode(error, "SSH_DIAL_FAILED")) this.#unanswered.set(key, error);
      throw error;
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()].flatMap((one) => [...new Set(one.values())]);
    await Promise.all(sessions.map((session) => session.close()));
    await this.#pool.close();
  }

  /** A guest is asked for by name where it is attached to, by UUID from then on: one session for both. */
  #sessionOf(
    ssh: SshConnection,
    place: GuestPlace,
  ): { readonly session: LibvirtSession; readonly shareWith: (guest: string) => void } {
    let sessions = this.#sessions.get(ssh);
    if (sessions === undefined) {
      sessions = new Map<string, LibvirtSession>();
      this.#sessions.set(ssh, sessions);
      void ssh.closed.then(() => this.#sessions.delete(ssh));
    }
    const uri = place.uri ?? "qemu:///system";
    const known = sessions;
    const keyOf = (guest: string): string => `${uri} ${guest}`;
    const session = known.get(keyOf(place.guest)) ?? newOrShared(known, ssh, uri);
    const shareWith = (guest: string): void => {
      if (!known.has(keyOf(guest))) known.set(keyOf(guest), session);
    };
    shareWith(place.guest);
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
  const shared = all.length < MOST_LIBVIRT_CONNECTIONS ? undefined : alike[known.size % alike.length];
  return shared ?? new LibvirtSession(streamsOf(ssh), uri);
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
