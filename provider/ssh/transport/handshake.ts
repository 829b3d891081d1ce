import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Client, type ServerHostKeyAlgorithm } from "ssh2";
import { providerError, type ProviderError } from "../../errors";
import { abortReason, anySignal, onAbort, untilAborted } from "../../async/abort";
import { setTimer, type Timer } from "../../async/clock";
import type { Authentication } from "../auth/authentication";
import type { PublicKey } from "../keys/public-key";
import type { HostKeySource } from "../host-key/host-key-source";
import { AlgorithmLists } from "./algorithm-lists";
import { ShownHostKey } from "../host-key/shown-host-key";
import { keyExchangeError, loginError, type ClientError } from "./handshake-error";
import { ServerGreeting } from "./server-greeting";
import { findUnservedServer } from "./unserved-server";

/** A silent link is given up after this many unanswered probes of this interval: 20 s. */
const KEEPALIVE = { keepaliveInterval: 5000, keepaliveCountMax: 3 } as const;

/** sshd's own default for a login (LoginGraceTime): later it would have ended the connection itself. */
const LOGIN_LIMIT_MS = 120_000;

/** Nothing is compressed: some bytes of a hostile server may become gigabytes. */
const COMPRESSION = ["none"] as const;

/** What a host is logged in to for: to work on it, or to go through it to another. */
export type HostRole = "host" | "jump host";

/** A host that was logged in to. */
export interface LoggedIn {
  readonly client: Client;
  /** Software of its version line, e.g. `OpenSSH_9.2p1 Debian-2`. */
  readonly serverVersion: string;
  /** Why a key was refused that the host has shown since, when keys were exchanged anew. */
  readonly findHostKeyRefusal: () => ProviderError | undefined;
}

/** What one handshake needs. */
export interface HandshakeOptions {
  readonly label: string;
  readonly role: HostRole;
  readonly user: string;
  /** Connected to the server. The handshake owns it from here on. */
  readonly socket: Duplex;
  readonly authentication: Authentication;
  /** Signature algorithms of the host's key, best first. */
  readonly hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[];
  readonly hostKeys: HostKeySource;
  /** Told of each key that the host shows. */
  readonly onHostKey: (received: PublicKey) => void;
  /** Ends when the dial's time is over. */
  readonly dialSignal: AbortSignal;
  /** Ends the handshake at once. */
  readonly signal: AbortSignal;
}

/**
 * One SSH handshake with login on an open socket.
 *
 * Before the key exchange is through, an ended connection or the dial's time being over is a DialFailure;
 * everything later is final. A host's key is written to known_hosts only after the host has proved, by
 * its signature, that it holds it.
 *
 * @throws DialFailure, SSH_HANDSHAKE_FAILED, SSH_ALGORITHMS_DIFFER, SSH_SERVER_UNSUPPORTED, SSH_AUTH_REFUSED,
 * SSH_PASSWORD_EXPIRED, SSH_HOST_KEY_*, the signal's reason
 */
export async function performHandshake(options: HandshakeOptions): Promise<LoggedIn> {
  const handshake = new Handshake(options);
  try {
    return await untilAborted(handshake.run(), options.signal);
  } catch (error) {
    handshake.destroy();
    throw error;
  } finally {
    handshake.stopListening();
  }
}

class Handshake {
  readonly #options: HandshakeOptions;
  readonly #client = new Client();
  readonly #hostKey: ShownHostKey;
  readonly #algorithms = new AlgorithmLists();
  #greeting: ServerGreeting | undefined;
  #phase: "key exchange" | "login" = "key exchange";
  #loginTimer: Timer | undefined;
  #stopDialLimit: () => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(options: HandshakeOptions) {
    const { label, hostKeys, onHostKey, authentication, socket, signal, dialSignal } = options;
    this.#options = options;
    const withholdPassword = (): void => authentication.withholdPassword();
    const address = socket instanceof Socket ? socket.remoteAddress : undefined;
    const ended = anySignal(signal, dialSignal);
    this.#hostKey = new ShownHostKey({
      label,
      policyNow: () => hostKeys.policyNow(address),
      ask: (key) => hostKeys.ask(key, ended, address),
      onHostKey,
      withholdPassword,
    });
  }

  run(): Promise<LoggedIn> {
    const { dialSignal } = this.#options;
    const client = this.#client;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#stopDialLimit = onAbort(dialSignal, () => this.#onDialTimeOver());
      client.on("handshake", () => this.#onKeysExchanged());
      client.once("ready", () => resolve(this.#loggedIn()));
      client.on("error", (error: ClientError) => this.#onError(error));
      client.once("close", () => reject(this.#errorOf(new Error("the host closed the connection"))));
      this.#connect();
    });
  }

  #loggedIn(): LoggedIn {
    return {
      client: this.#client,
      serverVersion: this.#greeting?.version ?? "",
      findHostKeyRefusal: () => this.#hostKey.refusal,
    };
  }

  destroy(): void {
    this.#client.destroy();
    this.#options.socket.destroy();
  }

  stopListening(): void {
    this.#loginTimer?.cancel();
    this.#stopDialLimit();
    this.#client.removeAllListeners("error");
    // An error between here and the next listener must not end the process; `close` follows it.
    this.#client.on("error", () => undefined);
  }

  #connect(): void {
    const { socket, user, authentication, hostKeyAlgorithms } = this.#options;
    this.#client.connect({
      sock: socket,
      username: user,
      readyTimeout: 0,
      ...KEEPALIVE,
      hostVerifier: (blob: Buffer, verify: (isAccepted: boolean) => void) => this.#verify(blob, verify),
      authHandler: authentication.handler(this.#client),
      algorithms: { serverHostKey: [...hostKeyAlgorithms], compress: [...COMPRESSION] },
      debug: (line) => this.#algorithms.read(line),
    });
    // ssh2 has stopped the socket for now: nothing is missed by it, nor here.
    this.#greeting = new ServerGreeting(socket);
  }

  #verify(blob: Buffer, verify: (isAccepted: boolean) => void): void {
    const fail = (error: unknown): void => {
      this.#reject(error);
      verify(false);
    };
    try {
      const isAccepted = this.#hostKey.accepts(blob);
      if (typeof isAccepted === "boolean") verify(isAccepted);
      else isAccepted.then(verify, fail);
    } catch (error) {
      fail(error);
    }
  }

  #onDialTimeOver(): void {
    this.#reject(this.#errorOf(abortReason(this.#options.dialSignal)));
  }

  /** The first time, and again each time that keys are exchanged anew. */
  #onKeysExchanged(): void {
    const { authentication, signal, label, role } = this.#options;
    this.#phase = "login";
    this.#stopDialLimit();
    // The host has proved that it says so itself; no credential is sent.
    const server = role === "host" ? findUnservedServer(this.#greeting?.version ?? "") : undefined;
    if (server !== undefined) {
      this.#reject(providerError("SSH_SERVER_UNSUPPORTED", { target: label, server }));
      this.#client.destroy();
      return;
    }
    this.#loginTimer ??= setTimer(() => this.#onLoginTimeOver(), LOGIN_LIMIT_MS);
    const recorded = this.#hostKey.record(signal);
    if (recorded === undefined) return;
    // no credential is sent before the line is there
    authentication.waitFor(recorded);
    recorded.catch((error: unknown) => {
      this.#reject(error);
      this.#client.destroy();
    });
  }

  #onLoginTimeOver(): void {
    const error = Object.assign(new Error("the limit of 120 s was reached"), { level: "client-timeout" });
    this.#reject(this.#errorOf(error));
  }

  #onError(error: ClientError): void {
    // An agent that fails is noted by Authentication; the next credential is tried.
    if (error.level === "agent") return;
    this.#reject(this.#hostKey.refusal ?? this.#errorOf(error));
  }

  #errorOf(error: ClientError): Error {
    const { label, authentication } = this.#options;
    return this.#phase === "login"
      ? loginError(label, authentication, error)
      : keyExchangeError(label, error, { greeting: this.#greeting, algorithms: this.#algorithms });
  }
}
