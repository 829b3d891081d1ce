/**
 * A dial that may succeed when tried again: name not resolved, connection refused, no route, time over,
 * or the connection ended before the key exchange was through. Internal to this folder; what leaves it is
 * SSH_DIAL_FAILED.
 */
export class DialFailure extends Error {
  override readonly name = "DialFailure";

  /** @param cure in place of the general one */
  constructor(
    message: string,
    options?: ErrorOptions,
    readonly cure?: string,
  ) {
    super(message, options);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by the host",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "connection timed out",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "host name lookup failed for now",
};

/** The text of a socket's error, with the addresses that were tried where there are several. */
export function describeSocketError(error: unknown): string {
  if (error instanceof AggregateError) {
    return error.errors.map(describeSocketError).join(", ");
  }
  const { code, address, port, message } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const words = code === undefined ? undefined : WORDS[code];
  if (words === undefined) return message;
  return address === undefined ? words : `${words} (${address} port ${port ?? "?"})`;
}
