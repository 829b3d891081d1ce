import { providerError, type ProviderError } from "../../errors";
import type { Authentication } from "../auth/authentication";
import type { AlgorithmLists } from "./algorithm-lists";
import { DialFailure, describeSocketError } from "./dial-failure";
import type { ServerGreeting } from "./server-greeting";

/** An error of ssh2's client. */
export interface ClientError extends Error {
  /** The part of ssh2 that failed. */
  readonly level?: string;
  /** A number is a disconnect message of the server's (RFC 4253 section 11.1). */
  readonly code?: unknown;
}

/** What a server said before the key exchange was through. */
export interface ServerWords {
  readonly greeting: ServerGreeting | undefined;
  readonly algorithms: AlgorithmLists;
}

/**
 * The error of a handshake that failed before the key exchange was through: a DialFailure may be tried again.
 */
export function keyExchangeError(label: string, error: ClientError, words: ServerWords): Error {
  const { greeting, algorithms } = words;
  const difference = algorithms.findDifference(label, error);
  if (difference !== undefined) return difference;
  const { instead, cure, isAnotherProtocol } = greeting ?? {};
  if (instead !== undefined && isAnotherProtocol)
    return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason: instead, cure }, error);
  const isProtocolError =
    error.level === "handshake" ||
    typeof error.code === "number" ||
    /identification|protocol version/i.test(error.message);
  const said = instead === undefined ? "" : `; ${instead}`;
  if (!isProtocolError)
    return new DialFailure(`${describeSocketError(error)}${said}`, { cause: error }, cure);
  const reason = `${error.message}${said}`;
  return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason, cure }, error);
}

/** Texts by which a server says that there were too many tries (OpenSSH, auth.c: auth_maxtries_exceeded). */
const TOO_MANY = /too many authentication failures|too many (?:tries|attempts)/i;

/** ssh2 reads no packet of over 35,000 bytes; before the login is done no other is so long. */
const TOO_LONG = /^Bad packet length/;

/** A server that ends the connection after as many keys, without a word, has had enough (dropbear). */
const MANY_KEYS = 3;

/** The error of a login that failed. */
export function loginError(label: string, authentication: Authentication, error: ClientError): ProviderError {
  const end = authentication.findEnd(label);
  if (end !== undefined) return end;
  const { offered, allowed, waitingFor, offeredKeys } = authentication;
  const details = { target: label, offered, allowed };
  const cure = loginCure(authentication, error);
  if (error.level === "client-authentication")
    return providerError("SSH_AUTH_REFUSED", {
      ...details,
      reason: "it accepted no credential that was offered",
      cure,
    });
  const isUnsaid = waitingFor === undefined && offeredKeys >= MANY_KEYS && error.level === undefined;
  // The server ended it: too many tries.
  if (typeof error.code === "number" || isUnsaid)
    return providerError("SSH_AUTH_REFUSED", { ...details, reason: error.message, cure });
  const waited = waitingFor === undefined ? "" : `, while ${waitingFor}`;
  const reason = `during the login, ${describeSocketError(error)}${waited}`;
  return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason, cure }, error);
}

function loginCure(authentication: Authentication, error: ClientError): string | undefined {
  const { unofferedKeys, offeredKeys, silentAgent, waitingFor } = authentication;
  const hasEnded = error.level !== "client-authentication";
  const isTooMany = TOO_MANY.test(error.message) || offeredKeys >= MANY_KEYS;
  if (hasEnded && isTooMany && unofferedKeys > 0)
    return (
      `The server gives up after some tries (MaxAuthTries), before ${unofferedKeys} more key(s) could be offered. ` +
      `Name the right one: connection.privateKey, or its IdentityFile with "IdentitiesOnly yes" in ~/.ssh/config.`
    );
  if (silentAgent !== undefined)
    return `Start the agent at ${silentAgent} anew or unlock it, name another (SSH_AUTH_SOCK, connection.agentSocketPath), or give connection.privateKey.`;
  if (waitingFor !== undefined)
    return "Touch the security key or confirm in the agent as soon as it asks, or use another key.";
  if (TOO_LONG.test(error.message))
    return (
      `A packet of the server was longer than the 35,000 bytes that are read here. If its sshd has a Banner of that length, ` +
      `shorten it, or switch it off for this user ("Match User …" with "Banner none").`
    );
  return undefined;
}
