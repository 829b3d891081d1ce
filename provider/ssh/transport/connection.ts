import type { Duplex } from "node:stream";
import type { Channel, Client, ClientChannel } from "ssh2";
import { causeText, providerError, hasCode, type ProviderError } from "../../errors";
import { abortReason, untilAborted } from "../../async/abort";
import { settledWithin } from "../../async/time-limit";
import type { RemoteHost } from "../../async/remote-command";
import { ChannelStream } from "./channel-stream";
import { describeSocketError } from "./dial-failure";
import type { LoggedIn } from "./handshake";
import { ChannelProcess, type SshProcess } from "./process";

/** One authenticated connection to a host, shared by all operations of this process on it. */
export interface SshConnection extends RemoteHost {
  /** `root@hv1:22`, for messages. */
  readonly label: string;
  /** Software of the server's version line: `OpenSSH_9.2p1 Debian-2`. */
  readonly serverVersion: string;
  /** `SHA256:…` of the key by which the host has shown which host it is. */
  readonly hostKeyFingerprint: string;
  /** Resolves with the reason once the connection has ended, whoever ended it. */
  readonly closed: Promise<Error>;
  readonly isOpen: boolean;
  /**
   * A channel to a unix socket on the host.
   *
   * @throws SSH_CHANNEL_REFUSED (nobody listens there, no permission, or forwarding is off),
   * SSH_CONNECTION_LOST, the signal's reason
   */
  openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
  /**
   * Starts a command by the user's login shell. Resolves when it has been started; the signal is of no
   * consequence afterwards.
   *
   * @throws SSH_CHANNEL_REFUSED, SSH_CONNECTION_LOST, the signal's reason
   */
  exec(command: string, signal?: AbortSignal): Promise<SshProcess>;
  /** Ends the connection at once; every open channel fails with the reason. */
  destroy(reason: Error): void;
}

/** Milliseconds for an orderly goodbye of the server, before the socket is simply closed. */
const GOODBYE_MS = 2000;

/** RFC 4254 section 5.1. */
const ADMINISTRATIVELY_PROHIBITED = 1;

/** As ssh2 1.17 says that the request in an open session was refused. */
const EXEC_REFUSED = "Unable to exec";

type ChannelCallback<C> = (error: Error | null | undefined, channel: C) => void;

/** A refused channel; `isForbidden` tells a server's policy from nobody listening (RFC 4254 section 5.1). */
export class ChannelRefused extends Error {
  constructor(
    message: string,
    readonly isForbidden: boolean,
  ) {
    super(message);
  }
}

/** {@link SshConnection} over an authenticated ssh2 client. */
export class ClientConnection implements SshConnection {
  readonly closed: Promise<Error>;
  #resolveClosed!: (reason: Error) => void;
  readonly serverVersion: string;
  readonly #client: Client;
  readonly #findHostKeyRefusal: () => ProviderError | undefined;
  readonly #streams = new Set<Duplex>();
  #end: Error | undefined;
  #firstError: Error | undefined;

  /** @param depth number of jump hosts on the way, for the order of closing */
  constructor(
    { client, serverVersion, findHostKeyRefusal }: LoggedIn,
    readonly label: string,
    readonly hostKeyFingerprint: string,
    readonly depth: number,
  ) {
    this.#client = client;
    this.serverVersion = serverVersion;
    this.#findHostKeyRefusal = findHostKeyRefusal;
    client.setMaxListeners(0);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    // Every error is the end, and the socket's too: ssh2 only half closes it, and goes on reading after a
    // packet that it could not make sense of, with what it took for a length.
    client.on("error", (error) => {
      this.#firstError ??= error;
      this.#onEnded(error.message);
    });
    const onEnded = (): void => this.#onEnded("the host closed it");
    // The peer's FIN: nothing can be sent from then on, whenever "close" follows.
    client.on("end", onEnded);
    client.on("close", onEnded);
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  async openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex> {
    const what = `a channel to its unix socket ${path}`;
    return this.#openStream(what, signal, (done) => this.#client.openssh_forwardOutStreamLocal(path, done));
  }

  /** A channel to another host's port, for the next hop. @throws ChannelRefused, SSH_CONNECTION_LOST */
  async openTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const open = (done: ChannelCallback<Channel>) =>
      this.#client.forwardOut("127.0.0.1", 0, host, port, done);
    return this.#track(await this.#open(signal, open, (channel) => new ChannelStream(channel)));
  }

  async exec(command: string, signal?: AbortSignal): Promise<SshProcess> {
    const open = (done: ChannelCallback<ClientChannel>) => this.#client.exec(command, done);
    const wrap = (channel: ClientChannel): ChannelProcess => new ChannelProcess(channel, this.label);
    const process = await this.#open(signal, open, wrap).catch((error: unknown) => {
      throw this.#refusal("a channel for a command", error, sessionRefusalOf);
    });
    this.#track(process.stdio);
    process.stdio.once("close", () => void this.#endIfExpired(process));
    return process;
  }

  /** Says goodbye and waits for the end. Idempotent. */
  async close(): Promise<void> {
    if (this.isOpen) this.#client.end();
    await settledWithin(this.closed, GOODBYE_MS);
    this.destroy(new Error("it was closed"));
  }

  destroy(reason: Error): void {
    this.#firstError ??= reason;
    this.#onEnded(reason.message);
    this.#client.destroy();
  }

  async #openStream(
    what: string,
    signal: AbortSignal | undefined,
    open: (done: ChannelCallback<Channel>) => void,
  ): Promise<Duplex> {
    const wrap = (channel: Channel): ChannelStream => new ChannelStream(channel);
    const stream = await this.#open(signal, open, wrap).catch((error: unknown) => {
      throw this.#refusal(what, error);
    });
    return this.#track(stream);
  }

  /**
   * Opens a channel; one that is opened after the caller has left is closed again.
   *
   * @param wrap called at once: what follows in the same packet of the network (the exit status of a program
   * that is not there, the end of the channel) is told before a promise goes on, and only once
   */
  async #open<C extends Channel, T>(
    signal: AbortSignal | undefined,
    open: (done: ChannelCallback<C>) => void,
    wrap: (channel: C) => T,
  ): Promise<T> {
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.#end !== undefined) throw this.#end;
    let hasLeft = false;
    const opened = new Promise<T>((resolve, reject) => {
      void this.closed.then(reject);
      open((error, channel) => {
        if (error !== undefined && error !== null) return reject(channelRefusedError(error));
        if (!hasLeft) return resolve(wrap(channel));
        channel.on("error", () => undefined);
        channel.destroy();
      });
    });
    try {
      return await untilAborted(opened, signal);
    } catch (error) {
      hasLeft = true;
      throw error;
    }
  }

  /** Nothing else can be done through it either: whatever else is tried would tell of its own failure. */
  async #endIfExpired(process: SshProcess): Promise<void> {
    await process.exited;
    if (process.refusal !== undefined) this.destroy(process.refusal);
  }

  #refusal(what: string, error: unknown, explain = socketRefusalOf): unknown {
    if (!(error instanceof ChannelRefused)) return this.#end ?? error;
    return providerError("SSH_CHANNEL_REFUSED", { target: this.label, what, ...explain(error) }, error);
  }

  #track<S extends Duplex>(stream: S): S {
    // Lost between the opening and here.
    if (this.#end !== undefined) stream.destroy(this.#end);
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }

  #onEnded(otherwise: string): void {
    if (this.#end !== undefined) return;
    this.#end = this.#findHostKeyRefusal() ?? this.#errorOf(otherwise);
    for (const stream of this.#streams) stream.destroy(this.#end);
    // Whoever still waits for the peer's FIN gets a closed socket instead.
    this.#client.destroy();
    this.#resolveClosed(this.#end);
  }

  #errorOf(otherwise: string): Error {
    const first = this.#firstError;
    if (first !== undefined && hasCode(first, "SSH_PASSWORD_EXPIRED")) return first;
    const reason = first === undefined ? otherwise : describeSocketError(first);
    return providerError("SSH_CONNECTION_LOST", { target: this.label, reason }, first);
  }
}

function channelRefusedError(error: Error): ChannelRefused {
  const { reason } = error as Error & { reason?: number };
  const text = causeText(error).replace(/^\(SSH\) Channel open failure: ?/, "");
  return new ChannelRefused(text, reason === ADMINISTRATIVELY_PROHIBITED);
}

/** Why a channel was refused, and what to do where that is known. */
interface Refusal {
  readonly reason: string;
  readonly cure?: string;
}

/** Of a channel to a socket or port. */
export function socketRefusalOf({ message, isForbidden }: ChannelRefused): Refusal {
  if (isForbidden) return { reason: `the server does not allow it (${message})` };
  // sshd says no more than "open failed", also where AllowStreamLocalForwarding forbids it.
  return message === "open failed"
    ? { reason: "nobody listens there, the user may not, or forwarding is switched off" }
    : { reason: message };
}

/**
 * sshd says "open failed" of a session, and no number that tells, where MaxSessions of this connection are
 * open already (serverloop.c: server_request_session).
 */
function sessionRefusalOf({ message, isForbidden }: ChannelRefused): Refusal {
  if (message === EXEC_REFUSED)
    return {
      reason: "it opens sessions, but runs no command in them",
      cure: "The account must be allowed to run commands: see its shell, and ForceCommand and command= on the host.",
    };
  const isUsedUp = message === "open failed" || isForbidden;
  return {
    reason: isUsedUp ? `it opens no further session on this connection (${message})` : message,
    ...(isUsedUp && {
      cure: "Raise MaxSessions in its sshd_config: 10, the default, is enough; 0 lets no command run at all.",
    }),
  };
}
