import { UsageError } from "./usage-error";

/** Where to log in. */
export interface Place {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/**
 * `[USER@]HOST`, of a jump host `[USER@]HOST[:PORT]`; an IPv6 address in brackets, or as it is where no port
 * follows.
 */
export function splitPlace(text: string, what: "host" | "jump host"): Place {
  const at = text.lastIndexOf("@");
  const user = at < 0 ? undefined : text.slice(0, at);
  const place = text.slice(at + 1);
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(place) ?? [];
  const host = bracketed ?? bare ?? place;
  if (host === "" || user === "")
    throw new UsageError(`${JSON.stringify(text)} is no ${what}; use [USER@]HOST`);
  if (port !== undefined && what === "host")
    throw new UsageError(`${JSON.stringify(text)} has a port; use --port ${port}`);
  return {
    host,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: numberOf(port, what) }),
  };
}

/** A port. */
export function numberOf(text: string, what: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new UsageError(`${what} is ${JSON.stringify(text)}; use a number from 1 to 65535`);
  return Number(text);
}
