import { LibvirtSession, type LibvirtUri } from "../hypervisor/libvirt";
import type { SshConnection } from "../ssh";
import { streamsOf } from "./channels";
import type { LibvirtLocator } from "./guest-locator";

/**
 * If sshd forwards no sockets, each libvirt connection is a session of the SSH connection, as the helper is;
 * sshd allows ten (MaxSessions).
 */
const MAX_LIBVIRT_CONNECTIONS = 8;

/** The libvirt connection of a guest. */
export interface GuestSession {
  readonly session: LibvirtSession;
  /** Gives the same session to whoever asks for the guest by this other name or UUID. */
  readonly shareWith: (guest: string) => void;
}

/**
 * The libvirt connections over one SSH connection: one for each guest; beyond the eighth, guests share them.
 */
export class LibvirtSessions {
  readonly #ssh: SshConnection;
  /** By URI and by name or UUID of the guest. */
  readonly #sessions = new Map<string, LibvirtSession>();

  constructor(ssh: SshConnection) {
    this.#ssh = ssh;
  }

  /**
   * An attach asks for the guest by its name, and all later operations by its UUID: one session serves both.
   */
  sessionOf(locator: LibvirtLocator): GuestSession {
    const uri = locator.uri ?? "qemu:///system";
    const keyOf = (guest: string): string => `${uri} ${guest}`;
    const session = this.#sessions.get(keyOf(locator.guest)) ?? this.#newOrShared(uri);
    const shareWith = (guest: string): void => {
      if (!this.#sessions.has(keyOf(guest))) this.#sessions.set(keyOf(guest), session);
    };
    shareWith(locator.guest);
    return { session, shareWith };
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await Promise.all(this.#distinct().map((session) => session.close()));
  }

  /**
   * A new session while there is room for it, else a session of the same URI. The number of names known so
   * far chooses among these: it grows with each new name, so that guests spread over the sessions in turn.
   */
  #newOrShared(uri: LibvirtUri): LibvirtSession {
    const all = this.#distinct();
    const alike = all.filter((one) => one.uri === uri);
    const shared =
      all.length < MAX_LIBVIRT_CONNECTIONS ? undefined : alike[this.#sessions.size % alike.length];
    return shared ?? new LibvirtSession(streamsOf(this.#ssh), uri);
  }

  #distinct(): LibvirtSession[] {
    return [...new Set(this.#sessions.values())];
  }
}
