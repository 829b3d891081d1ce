import { providerError, type ProviderError } from "../../errors";
import type { Authentication } from "../auth/authentication";
import { DialFailure, describeSocketError } from "./dial-failure";

/** An error of ssh2's client. */
export interface ClientError extends Error {
  /** The part of ssh2 that failed. */
  readonly level?: string;
  /** A number is a disconnect message of the server's (RFC 4253 section 11.1). */
  readonly code?: unknown;
}

/**
 * The error of a handshake that failed before the key exchange was through: a DialFailure may be tried again.
 */
export function keyExchangeError(label: string, error: ClientError): Error {
  const isProtocolError =
    error.level === "handshake" ||
    typeof error.code === "number" ||
    /identification|protocol version/i.test(error.message);
  if (!isProtocolError) return new DialFailure(describeSocketError(error), { cause: error });
  return providerError("SSH_HANDSHAKE_FAILED", { target: label, reason: error.message }, error);
}

/** The error of a login that failed. */
export function loginError(label: string, authentication: Authentication, error: ClientError): ProviderError {
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
