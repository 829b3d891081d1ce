import { causeText, providerError } from "../../errors";
import { abortReason, untilAborted } from "../../async/abort";
import { ClientConnection, type SshConnection } from "./connection";
import { dial } from "./dial";
import type { HostRole } from "./handshake";
import { findUnservedServer } from "./unserved-server";
import { fingerprintOf } from "../keys/public-key";
import { hopsOf, labelOf, poolKeyOf, type SshTarget } from "../config/target";

/** What a connection is for, and how it is called. */
interface Hop {
  readonly label: string;
  readonly role: HostRole;
}

interface Entry {
  readonly connecting: Promise<ClientConnection>;
  readonly label: string;
  readonly stop: AbortController;
  waiters: number;
  connection?: ClientConnection;
}

/**
 * One connection per distinct target, shared by all who ask for it; jump hosts are shared as well. A
 * connection that has ended is replaced at the next {@link acquire}; a failed dial is not remembered.
 *
 * An open connection keeps the process alive (its keepalive timer does): {@link close} ends them all.
 */
export class SshPool {
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  /**
   * The open connection to the target, or a new one. Concurrent callers share one dial; it is given up
   * when the last of them has left.
   *
   * @throws every SSH_* code of {@link dial}; the signal's reason
   */
  async acquire(target: SshTarget, signal?: AbortSignal): Promise<SshConnection> {
    const label = labelOf(target);
    const connection = await this.#acquire(target, { label, role: "host" }, signal);
    // A jump host's connection, which is shared, was made with any server.
    const server = findUnservedServer(connection.serverVersion);
    if (server !== undefined) throw providerError("SSH_SERVER_UNSUPPORTED", { target: label, server });
    return connection;
  }

  /** Ends every connection and every dial under way, farthest hosts first. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { stop, label } of entries) stop.abort(poolClosedError(label));
    const connections = await Promise.all(entries.map(({ connecting }) => connecting.catch(() => undefined)));
    const open = connections.filter((connection) => connection !== undefined);
    for (const depth of [...new Set(open.map((one) => one.depth))].sort((a, b) => b - a)) {
      await Promise.all(open.filter((one) => one.depth === depth).map((one) => one.close()));
    }
  }

  async #acquire(target: SshTarget, hop: Hop, signal: AbortSignal | undefined): Promise<ClientConnection> {
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.#isClosed) throw poolClosedError(hop.label);
    const key = poolKeyOf(target);
    const entry = this.#findUsable(key) ?? this.#connect(key, target, hop);
    entry.waiters += 1;
    try {
      return await untilAborted(entry.connecting, signal);
    } finally {
      entry.waiters -= 1;
      if (entry.waiters === 0 && entry.connection === undefined) {
        this.#forget(key, entry);
        entry.stop.abort(new Error("nobody waits for this connection any more"));
      }
    }
  }

  #findUsable(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry?.connection?.isOpen === false ? undefined : entry;
  }

  #connect(key: string, target: SshTarget, { label, role }: Hop): Entry {
    const stop = new AbortController();
    const jumpTarget = target.proxy;
    const jumpHost =
      jumpTarget === undefined
        ? undefined
        : () => this.#acquire(jumpTarget, jumpHop(jumpTarget), stop.signal);
    const dialled = dial({ target, label, role, jumpHost, signal: stop.signal });
    const connecting = dialled.then(({ hostKey, ...loggedIn }) => {
      const depth = hopsOf(target).length - 1;
      const connection = new ClientConnection(loggedIn, label, fingerprintOf(hostKey), depth);
      if (stop.signal.aborted) connection.destroy(new Error(causeText(stop.signal.reason)));
      else entry.connection = connection;
      return connection;
    });
    const entry: Entry = { connecting, label, stop, waiters: 0 };
    this.#entries.set(key, entry);
    connecting.catch(() => this.#forget(key, entry));
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

function jumpHop(target: SshTarget): Hop {
  return { label: `jump host ${labelOf(target)}`, role: "jump host" };
}

function poolClosedError(label: string): Error {
  return providerError("SSH_CONNECTION_LOST", { target: label, reason: "the pool was closed" });
}
