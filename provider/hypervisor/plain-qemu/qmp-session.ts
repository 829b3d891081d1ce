import type { Duplex } from "node:stream";
import { untilAborted } from "../../async/abort";
import { setTimer, type Timer } from "../../async/clock";
import { withTimeLimit } from "../../async/time-limit";
import { causeText, providerError } from "../../errors";
import {
  isRecord,
  QmpConnection,
  QmpProtocolError,
  type QmpArguments,
  type QmpListener,
  type QmpMonitor,
} from "../../qmp";
import { HostSetupError } from "./program/host-program-errors";

/** One way to a monitor's socket. */
export interface Dialer {
  /** For the error that lists what was tried. */
  readonly name: string;
  readonly open: (signal: AbortSignal) => Promise<Duplex>;
}

/** What a {@link QmpSession} is made of. */
export interface QmpSessionParts {
  readonly label: string;
  readonly socket: string;
  readonly dialers: readonly Dialer[];
  /** Limit of one opening: all ways, and the turn at the socket. Default: 10 s. */
  readonly openMs?: number;
  /** How long a connection that nobody uses is kept. Default: 0.8 s. */
  readonly idleMs?: number;
}

const OPEN_MS = 10_000;
/** Some less than a second, because it takes a moment until QEMU knows. */
const IDLE_MS = 800;
/** The id that libvirt gives to its own monitor of each QEMU that it starts (qemuMonitorOpen's chardev). */
const LIBVIRT_MONITOR = "charmonitor";

/**
 * The monitor of one QEMU over its socket, for all who ask for it in this process: QEMU serves one client of
 * a socket at a time. Opened when it is needed, and let go of when it is not, so that others (Proxmox VE's
 * own tools, a second machine) get their turn between two operations, and within one that has the host to
 * wait for.
 */
export class QmpSession implements QmpMonitor {
  readonly #parts: QmpSessionParts;
  #opening: Promise<QmpConnection> | undefined;
  #users = 0;
  #idle: Timer | undefined;

  constructor(parts: QmpSessionParts) {
    this.#parts = parts;
  }

  /** @throws also QMP_SOCKET_UNREACHABLE, QMP_SOCKET_BUSY, QEMU_IS_LIBVIRTS, QmpDisconnectedError */
  async execute(command: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown> {
    this.#begin();
    try {
      return await (await this.#connection(signal)).execute(command, args, signal);
    } finally {
      this.#end();
    }
  }

  /** QEMU closes the connection when it ends. */
  async listen(listener: QmpListener, signal?: AbortSignal): Promise<() => Promise<void>> {
    this.#begin();
    try {
      const connection = await this.#connection(signal);
      const stopListening = connection.listen((event) => listener.onEvent(event));
      let listening = true;
      void connection.closed.then((end) => {
        if (listening) listener.onEnd(end === "lost" ? "connection-lost" : "guest-stopped");
      });
      return async () => {
        if (!listening) return;
        listening = false;
        stopListening();
        this.#end();
      };
    } catch (cause) {
      this.#end();
      throw cause;
    }
  }

  async close(): Promise<void> {
    this.#idle?.cancel();
    const opening = this.#opening;
    this.#opening = undefined;
    (await opening?.catch(() => undefined))?.close();
  }

  #begin(): void {
    this.#users += 1;
    this.#idle?.cancel();
  }

  #end(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    const idleMs = this.#parts.idleMs ?? IDLE_MS;
    this.#idle = setTimer(() => void this.close(), idleMs, { isBackground: true });
  }

  /**
   * The opening is shared: it has a limit of its own, so that one caller's deadline is not another's failure.
   */
  async #connection(signal: AbortSignal | undefined): Promise<QmpConnection> {
    signal?.throwIfAborted();
    const opening = (this.#opening ??= this.#openForAll());
    return untilAborted(opening, signal);
  }

  #openForAll(): Promise<QmpConnection> {
    const openMs = this.#parts.openMs ?? OPEN_MS;
    const opening = withTimeLimit(openMs, (signal) => this.#open(openMs, signal));
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then((connection) => void connection.closed.then(forget), forget);
    return opening;
  }

  async #open(openMs: number, signal: AbortSignal): Promise<QmpConnection> {
    const { label, socket, dialers } = this.#parts;
    const tried: string[] = [];
    for (const way of dialers) {
      let stream: Duplex | undefined;
      try {
        stream = await way.open(signal);
        const connection = await QmpConnection.open(stream, signal);
        await this.#requireNotLibvirts(connection, signal);
        return connection;
      } catch (cause) {
        if (isFinal(cause)) throw cause;
        if (signal.aborted && stream !== undefined)
          throw providerError(
            "QMP_SOCKET_BUSY",
            { label, socket, way: way.name, seconds: openMs / 1000 },
            cause,
          );
        tried.push(
          `${way.name}: ${signal.aborted ? `no answer within ${openMs / 1000} s` : causeText(cause)}`,
        );
        if (signal.aborted) break;
      }
    }
    throw providerError("QMP_SOCKET_UNREACHABLE", { label, socket, tried });
  }

  async #requireNotLibvirts(connection: QmpConnection, signal: AbortSignal): Promise<void> {
    const devices = await connection.execute("query-chardev", undefined, signal);
    if (!Array.isArray(devices)) throw new QmpProtocolError("query-chardev did not answer with a list");
    if (!devices.some((one) => isRecord(one) && one["label"] === LIBVIRT_MONITOR)) return;
    connection.close();
    throw providerError("QEMU_IS_LIBVIRTS", { socket: this.#parts.socket });
  }
}

/** What another way would not change. */
function isFinal(cause: unknown): boolean {
  return (
    cause instanceof QmpProtocolError ||
    cause instanceof HostSetupError ||
    (cause as { code?: unknown }).code === "QEMU_IS_LIBVIRTS"
  );
}
