import type { Duplex } from "node:stream";
import { untilAborted } from "../../async/abort";
import type { RemoteCommand } from "../../async/remote-command";
import { settledWithin, withTimeLimit } from "../../async/time-limit";
import { causeText, providerError } from "../../errors";
import { findUuidBytes, LibvirtClient, LibvirtDisconnectedError, LibvirtError } from "../../libvirt-rpc";
import { child, parseXml, textOf } from "./xml/xml";

/** How a host is reached: streams over a connection that someone else owns. */
export interface StreamFactory {
  /** For messages: `root@hv1:22`. */
  readonly label: string;
  /**
   * By what the host has shown which host it is, where the way to it tells: the fingerprint of its SSH key.
   */
  readonly hostKeyFingerprint?: string;
  openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
  /** A command on the host. */
  openCommand(command: string, signal?: AbortSignal): Promise<OpenedCommand>;
}

/** What there is of a command that has been started. */
export type OpenedCommand = Pick<RemoteCommand, "stdio" | "exited" | "stderrText">;

/** From this version on a live hostdev may be unassigned. */
const KEEPS_UNASSIGNED = 8_003_000;
/**
 * The oldest that a supported distribution has had; 7.0 is the oldest that was measured
 * (docs/compatibility.md).
 */
const OLDEST_LIBVIRT = 6_000_000;
/** A libvirtd that has just been restarted answers its first call after 3 to 4 s (libvirt.md). */
const OPEN_MS = 20_000;
/** The URIs that check lets pass: one of them stands in a command line on the host. */
export type LibvirtUri = "qemu:///system" | "qemu:///session";
const SYSTEM_SOCKETS = ["/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"];

/**
 * One libvirt connection of one guest, opened when it is first needed and again after it was lost
 * (a restart of libvirtd ends it; SSH survives).
 */
export class LibvirtSession {
  readonly label: string;
  readonly hostKeyFingerprint: string | undefined;
  readonly #streams: StreamFactory;
  readonly uri: LibvirtUri;
  readonly #openMs: number;
  readonly #hostUuids = new WeakMap<LibvirtClient, Promise<string>>();
  readonly #versions = new WeakMap<LibvirtClient, number>();
  #opening: Promise<LibvirtClient> | undefined;

  /** @param openMs limit of one opening, all ways together. */
  constructor(streams: StreamFactory, uri: LibvirtUri, openMs = OPEN_MS) {
    this.#streams = streams;
    this.uri = uri;
    this.#openMs = openMs;
    this.label = streams.label;
    this.hostKeyFingerprint = streams.hostKeyFingerprint;
  }

  /** @throws ProviderError LIBVIRT_UNREACHABLE naming what was tried, LIBVIRT_TOO_OLD. */
  async client(signal?: AbortSignal): Promise<LibvirtClient> {
    signal?.throwIfAborted();
    this.#opening ??= this.#openForAll();
    const client = await this.#opening;
    signal?.throwIfAborted();
    return client;
  }

  /**
   * The host's own UUID. Asked once a connection, also by many at once: libvirt may probe every QEMU of the
   * host for the answer.
   */
  async hostUuid(signal?: AbortSignal): Promise<string> {
    const client = await this.client(signal);
    const asked = this.#hostUuids.get(client) ?? readHostUuid(client);
    this.#hostUuids.set(client, asked);
    asked.catch(() => this.#hostUuids.delete(client));
    return untilAborted(asked, signal);
  }

  /** Libvirt's version where it plugs what is only to be held; undefined where it is newer. */
  async olderVersion(signal?: AbortSignal): Promise<string | undefined> {
    const version = this.#versions.get(await this.client(signal));
    return version !== undefined && version < KEEPS_UNASSIGNED ? formatVersion(version) : undefined;
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const client = await opening?.catch(() => undefined);
    await client?.close();
  }

  /**
   * The connection is shared: it has a limit of its own, so that one caller's deadline is not another's
   * failure.
   */
  #openForAll(): Promise<LibvirtClient> {
    const opening = withTimeLimit(this.#openMs, (signal) => this.#open(signal));
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening;
  }

  async #open(signal: AbortSignal): Promise<LibvirtClient> {
    const client = await this.#connect(signal);
    const opened = this.#opening;
    void client.closed.then(() => {
      if (this.#opening === opened) this.#opening = undefined;
    });
    try {
      const version = await client.libVersion(signal);
      if (version < OLDEST_LIBVIRT)
        throw providerError("LIBVIRT_TOO_OLD", { label: this.label, version: formatVersion(version) });
      this.#versions.set(client, version);
      return client;
    } catch (cause) {
      await client.close();
      if (!signal.aborted) throw cause;
      const tried = [`the connection opened, but libvirt ${this.#silence}`];
      throw providerError("LIBVIRT_UNREACHABLE", { label: this.label, uri: this.uri, tried }, cause);
    }
  }

  get #silence(): string {
    return `did not answer within ${this.#openMs / 1000} s`;
  }

  /** The daemon's socket, monolithic or modular; where forwarding is off, libvirt's own relay program. */
  async #connect(signal: AbortSignal): Promise<LibvirtClient> {
    const sockets = this.uri === "qemu:///system" ? SYSTEM_SOCKETS : [];
    // Single quotes are literal to every shell, and a LibvirtUri has none.
    const relay = `virt-ssh-helper '${this.uri}'`;
    const dialers: readonly { readonly name: string; readonly open: () => Promise<Duplex> }[] = [
      ...sockets.map((path) => ({ name: path, open: () => this.#streams.openUnixSocket(path, signal) })),
      { name: relay, open: async () => (command = await this.#streams.openCommand(relay, signal)).stdio },
    ];
    const tried: string[] = [];
    let command: OpenedCommand | undefined;
    for (const way of dialers) {
      try {
        return await LibvirtClient.open(await way.open(), { uri: this.uri, signal });
      } catch (cause) {
        const ended = cause instanceof LibvirtDisconnectedError ? command : undefined;
        const why = (ended && (await whyItEnded(ended))) ?? causeText(cause);
        tried.push(`${way.name}: ${signal.aborted ? this.#silence : why}`);
        const isFinal = signal.aborted || cause instanceof LibvirtError;
        if (isFinal)
          throw providerError("LIBVIRT_UNREACHABLE", { label: this.label, uri: this.uri, tried }, cause);
      }
    }
    const inPods = await this.#isNodeOfPods(signal);
    throw providerError("LIBVIRT_UNREACHABLE", { label: this.label, uri: this.uri, tried, inPods });
  }

  /** Whether the host is a node of KubeVirt, whose guests have their libvirt in their pods. */
  async #isNodeOfPods(signal: AbortSignal): Promise<boolean> {
    try {
      const { stdio, exited } = await this.#streams.openCommand(`ls -d ${KUBEVIRT_FOLDER}`, signal);
      stdio.resume().on("error", () => undefined);
      return (await untilAborted(exited, signal)).code === 0;
    } catch {
      return false;
    }
  }
}

/** Where KubeVirt's virt-handler on each node has its sockets; it mounts the folder from the host. */
const KUBEVIRT_FOLDER = "/var/run/kubevirt";

/** A relay that is there has its exit code soon after its end. */
const EXIT_LIMIT_MS = 2_000;

/** Debian from 13 on, Fedora and RHEL from libvirt 9.1 on; before that one package had it all. */
const RELAY_PACKAGES =
  "libvirt-daemon-common of Debian, Ubuntu, Fedora and RHEL, in older releases libvirt-daemon";

/** What a shell ends with that has no such program. */
const NOT_FOUND = 127;

/** Why a relay that has ended was none, if the shell or the relay itself says so. */
async function whyItEnded(command: OpenedCommand): Promise<string | undefined> {
  const exit: { code?: number | null } = {};
  await settledWithin(
    command.exited.then((one) => (exit.code = one.code)),
    EXIT_LIMIT_MS,
  );
  const { code = null } = exit;
  if (code === NOT_FOUND) return `it is not installed there (${RELAY_PACKAGES})`;
  const [said = ""] = command.stderrText.trim().split("\n");
  return code === null || code === 0 ? undefined : `it ended with code ${code}: ${said.slice(0, 200)}`;
}

/** No signal: the answer is for all, and one caller's deadline is not another's failure. */
async function readHostUuid(client: LibvirtClient): Promise<string> {
  const capabilities = parseXml(await client.capabilities(), "its capabilities");
  const uuid = textOf(child(capabilities, "capabilities", "host", "uuid"));
  if (uuid === undefined || findUuidBytes(uuid) === undefined)
    throw providerError("XML_UNREADABLE", {
      what: "its capabilities",
      reason: "the UUID of the host is none",
    });
  return uuid;
}

function formatVersion(version: number): string {
  return `${Math.floor(version / 1_000_000)}.${Math.floor(version / 1000) % 1000}.${version % 1000}`;
}
