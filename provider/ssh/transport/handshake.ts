import type { Duplex } from "node:stream";
import { Client } from "ssh2";
import { causeText, providerError, type ProviderError } from "../../errors";
import { abortReason, onAbort } from "../../async/abort";
import { setTimer, type Timer } from "../../async/clock";
import type { Authentication } from "../auth/authentication";
import { DialFailure, describeSocketError } from "./dial-failure";
import { hostKeyAlgorithms } from "../host-key/host-key-algorithms";
import { assessHostKey, type HostKeyPolicy, type HostKeyVerdict } from "../host-key/host-key-check";
import { findPublicKey, isSameKey, type PublicKey } from "../keys/public-key";
import { recordHostKey } from "../host-key/record-host-key";

/** A silent link is given up after this many unanswered probes of this interval: 20 s. */
const KEEPALIVE = { keepaliveInterval: 5000, keepaliveCountMax: 3 } as const;

/** sshd's own default for a login (LoginGraceTime): later it would have ended the connection itself. */
const LOGIN_LIMIT_MS = 120_000;

/** What one handshake needs. */
export interface HandshakeOptions {
  readonly label: string;
  readonly user: string;
  /** Connected to the server. The handshake owns it from here on. */
  readonly socket: Duplex;
  readonly authentication: Authentication;
  readonly hostKeyTypes: readonly string[];
  /** What known_hosts says when it is asked: others write there too. */
  readonly policyNow: () => HostKeyPolicy;
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
 * @throws DialFailure, SSH_HANDSHAKE_FAILED, SSH_AUTH_REFUSED, SSH_PASSWORD_EXPIRED, SSH_HOST_KEY_*,
 * the signal's reason
 */
export async function performHandshake(options: HandshakeOptions): Promise<Client> {
  const { label, socket, authentication, signal, dialSignal } = options;
  const client = new Client();
  let phase: "key exchange" | "login" = "key exchange";
  let acceptedKey: PublicKey | undefined;
  let verdict: HostKeyVerdict | undefined;
  let loginTimer: Timer | undefined;
  const cleanUps: (() => void)[] = [];

  const verifyHost = (blob: Buffer): boolean => {
    const received = findPublicKey(blob);
    if (received === undefined) return false;
    // Asked again when keys are exchanged anew: the same key or none.
    if (acceptedKey !== undefined) return isSameKey(acceptedKey, received);
    options.onHostKey(received);
    verdict = assessHostKey(options.policyNow(), received);
    if (verdict.kind === "refuse") return false;
    if (verdict.kind === "accept-without-password") authentication.withholdPassword();
    acceptedKey = received;
    return true;
  };

  try {
    return await new Promise<Client>((resolve, reject) => {
      const onDialTimeOver = (): void => reject(new DialFailure(causeText(abortReason(dialSignal))));
      cleanUps.push(onAbort(signal, () => reject(abortReason(signal))));
      const stopDialLimit = onAbort(dialSignal, onDialTimeOver);
      cleanUps.push(stopDialLimit);

      client.on("handshake", () => {
        phase = "login";
        stopDialLimit();
        loginTimer ??= setTimer(
          () =>
            reject(
              providerError("SSH_HANDSHAKE_FAILED", { target: label, reason: "the login took over 120 s" }),
            ),
          LOGIN_LIMIT_MS,
        );
        if (verdict?.kind === "accept-and-record" && acceptedKey !== undefined) {
          const recorded = record(verdict, acceptedKey);
          // no credential is sent before the line is there
          authentication.waitFor(recorded);
          recorded.catch((error: unknown) => {
            reject(error instanceof Error ? error : new Error(String(error)));
            client.destroy();
          });
        }
        verdict = undefined;
      });
      client.once("ready", () => resolve(client));
      client.on("error", (error: Error & { level?: string }) => {
        // An agent that fails is noted by Authentication; the next credential is tried.
        if (error.level === "agent") return;
        reject(verdict?.kind === "refuse" ? verdict.error : describeError(error));
      });
      client.once("close", () => reject(describeError(new Error("the host closed the connection"))));
      client.connect({
        sock: socket,
        username: options.user,
        readyTimeout: 0,
        ...KEEPALIVE,
        hostVerifier: verifyHost,
        authHandler: authentication.handler(client),
        algorithms: { serverHostKey: hostKeyAlgorithms(options.hostKeyTypes) },
      });
    });
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw error;
  } finally {
    loginTimer?.cancel();
    for (const cleanUp of cleanUps) cleanUp();
    client.removeAllListeners("error");
    // An error between here and the next listener must not end the process; `close` follows it.
    client.on("error", () => undefined);
  }

  function describeError(error: Error & { level?: string; code?: unknown }): Error {
    if (phase === "login") return describeLoginError(error);
    // A number as code is a disconnect message of the server's (RFC 4253 section 11.1).
    const isProtocolError =
      error.level === "handshake" ||
      typeof error.code === "number" ||
      /identification|protocol version/i.test(error.message);
    if (isProtocolError) {
      return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason: error.message }, error);
    }
    return new DialFailure(describeSocketError(error), { cause: error });
  }

  function describeLoginError(error: Error & { level?: string; code?: unknown }): ProviderError {
    const end = authentication.findEnd(label);
    if (end !== undefined) return end;
    const { offered, allowed } = authentication;
    if (error.level === "client-authentication") {
      const reason = "it accepted no credential that was offered";
      return providerError("SSH_AUTH_REFUSED", { target: label, offered, allowed, reason });
    }
    // The server ended it: too many tries.
    if (typeof error.code === "number") {
      return providerError("SSH_AUTH_REFUSED", { target: label, offered, allowed, reason: error.message });
    }
    const reason = `during the login, ${describeSocketError(error)}`;
    return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason }, error);
  }

  async function record(
    desired: HostKeyVerdict & { readonly kind: "accept-and-record" },
    received: PublicKey,
  ): Promise<void> {
    let counts: HostKeyVerdict;
    try {
      counts = await recordHostKey(desired, received, options.policyNow, signal);
    } catch (error) {
      const { file, line, mustRecord } = desired;
      if (!mustRecord || signal.aborted) return;
      const reason = causeText(error);
      throw providerError("SSH_HOST_KEY_NOT_RECORDED", { target: label, file, line, reason }, error);
    }
    if (counts.kind === "refuse") throw counts.error;
    if (counts.kind === "accept-without-password") authentication.withholdPassword();
  }
}
