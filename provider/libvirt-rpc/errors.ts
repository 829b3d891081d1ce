import { shorten } from "../errors";

/**
 * Error numbers of libvirt (virErrorNumber in its virterror.h). Numbers never change; a reply may carry any
 * other. The provider decides on few of them: most names only stand beside their number in the message of a
 * LibvirtError.
 */
export const LibvirtErrorCode = {
  INTERNAL_ERROR: 1,
  NO_SUPPORT: 3,
  NO_CONNECT: 5,
  INVALID_DOMAIN: 7,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  XML_ERROR: 27,
  OPERATION_DENIED: 29,
  SYSTEM_ERROR: 38,
  RPC: 39,
  NO_DOMAIN: 42,
  AUTH_FAILED: 45,
  NO_NODE_DEVICE: 53,
  OPERATION_INVALID: 55,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  ARGUMENT_UNSUPPORTED: 74,
  OPERATION_ABORTED: 78,
  AUTH_CANCELLED: 79,
  NO_DOMAIN_METADATA: 80,
  OPERATION_UNSUPPORTED: 84,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  AUTH_UNAVAILABLE: 94,
  DEVICE_MISSING: 99,
} as const;

/** Longest part of a peer's text that goes into an error's message. */
const MAX_TEXT_CHARACTERS = 1_000;

const nameByCode = new Map<number, string>(
  Object.entries(LibvirtErrorCode).map(([name, code]) => [code, name]),
);

/**
 * libvirt answered a call with an error. The connection is as good as before.
 *
 * Match it by {@link LibvirtError.code}, a virErrorNumber (see {@link LibvirtErrorCode}); never by its text,
 * which is in the host's language.
 */
export class LibvirtError extends Error {
  override readonly name = "LibvirtError";
  /** virErrorNumber. */
  readonly code: number;
  /** virErrorDomain: which part of libvirt said it. */
  readonly domain: number;
  /** libvirt's own words, whole. */
  readonly libvirtMessage: string;
  /** The call that was answered, e.g. "DOMAIN_ATTACH_DEVICE_FLAGS". */
  readonly procedure: string;

  constructor(details: { code: number; domain: number; libvirtMessage: string; procedure: string }) {
    const known = nameByCode.get(details.code);
    const number = known === undefined ? `${details.code}` : `${details.code} ${known}`;
    super(
      `libvirt refused ${details.procedure}: ${shorten(details.libvirtMessage, MAX_TEXT_CHARACTERS)} (error ${number})`,
    );
    this.code = details.code;
    this.domain = details.domain;
    this.libvirtMessage = details.libvirtMessage;
    this.procedure = details.procedure;
  }
}

/**
 * The peer does not speak libvirt's protocol as it should: a malformed or over-long message, an answer that
 * nobody asked for. The connection has been ended; whether calls that were under way were carried out is
 * not known.
 */
export class LibvirtProtocolError extends Error {
  override readonly name = "LibvirtProtocolError";
}

/**
 * The connection is gone: closed by the peer or by us, or the stream failed (then `cause` says how).
 * Whether calls that were under way were carried out is not known: look before doing them again.
 */
export class LibvirtDisconnectedError extends Error {
  override readonly name = "LibvirtDisconnectedError";
}

/** libvirtd offers only ways of authentication that this client does not have (it has none and polkit). */
export class LibvirtAuthenticationError extends Error {
  override readonly name = "LibvirtAuthenticationError";
  /** The numbers that the daemon offered (0 none, 1 SASL, 2 polkit). */
  readonly offered: readonly number[];

  constructor(offered: readonly number[]) {
    super(
      `libvirtd offers authentication types [${offered.join(", ")}], ` +
        `this client has 0 (none) and 2 (polkit). Set auth_unix_rw in the host's libvirtd.conf to one of them.`,
    );
    this.offered = offered;
  }
}
