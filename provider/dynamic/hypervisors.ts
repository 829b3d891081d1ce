import { libvirtHypervisor, LibvirtSession, type LibvirtUri } from "../hypervisor/libvirt";
import type { Hypervisor, Lock } from "../lifecycle";
import type { ConnectionInputs } from "../resource";
import { SshPool, type SshConnection, type SshTarget } from "../ssh";
import { sshTargetOf } from "./ssh-target";

/** Which guest, over which connection. */
export interface GuestPlace {
  readonly connection: ConnectionInputs;
  /** Name or UUID. */
  readonly guest: string;
  readonly uri: LibvirtUri | undefined;
}

/** Limits of one dial, where looking is worth a few seconds only. */
export interface DialLimits {
  readonly dialErrorLimit: number;
  readonly perDialTimeoutSeconds: number;
}

/**
 * The hypervisors of this process: one SSH connection per host, one libvirt connection per guest, shared
 * by all resources of one `pulumi` command (it runs them all in one provider process).
 */
export class Hypervisors {
  readonly #pool = new SshPool();
  readonly #sessions = new Map<SshConnection, Map<string, LibvirtSession>>();

  /** @throws the ProviderErrors of the SSH room; the signal's reason. */
  async open(
    place: GuestPlace,
    options: {
      readonly signal?: AbortSignal;
      readonly limits?: DialLimits;
      readonly progress?: (line: string) => void;
    } = {},
  ): Promise<Hypervisor> {
    const target: SshTarget = { ...sshTargetOf(place.connection), ...options.limits };
    const ssh = await this.#pool.acquire(target, options.signal);
    return libvirtHypervisor({
      session: this.#sessionOf(ssh, place),
      guest: place.guest,
      lock: lockOf(ssh, options.progress),
      survey: (signal) => ssh.locks.survey(signal),
    });
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()].flatMap((one) => [...one.values()]);
    await Promise.all(sessions.map((session) => session.close()));
    await this.#pool.close();
  }

  #sessionOf(ssh: SshConnection, place: GuestPlace): LibvirtSession {
    let sessions = this.#sessions.get(ssh);
    if (sessions === undefined) {
      sessions = new Map<string, LibvirtSession>();
      this.#sessions.set(ssh, sessions);
      void ssh.closed.then(() => this.#sessions.delete(ssh));
    }
    const uri = place.uri ?? "qemu:///system";
    const key = `${uri} ${place.guest}`;
    let session = sessions.get(key);
    if (session === undefined) {
      const streams = {
        label: ssh.label,
        openUnixSocket: ssh.openUnixSocket.bind(ssh),
        openCommand: async (command: string, signal?: AbortSignal) => (await ssh.exec(command, signal)).stdio,
      };
      session = new LibvirtSession(streams, uri);
      sessions.set(key, session);
    }
    return session;
  }
}

function lockOf(ssh: SshConnection, progress: ((line: string) => void) | undefined): Lock {
  return {
    acquire: (names, signal) =>
      ssh.locks.lock(names, signal, (name) =>
        progress?.(`waiting for another operation to let go of ${name}`),
      ),
  };
}
