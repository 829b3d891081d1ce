import * as z from "zod";
import { isOneLine } from "./field-shapes";

/** What is said of a host where nothing better is known. */
export const HOST_CURE = "use a host name, an IP address or an alias of ~/.ssh/config";

/** What is said where the host has more in it than a name, and the name is not shown. */
const ALONE_CURE = `${HOST_CURE}, alone: the user belongs in connection.user, the port in connection.port`;

/**
 * `user@[address]:port`, with all parts but the address left out or not, and with a scheme also a path. Lower
 * case: what else has an `@` or a `/` may be a credential in the wrong place, and is not taken apart.
 */
const NAME = String.raw`(?:([a-z_][a-z0-9_.-]*)@)?(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([a-z0-9][a-z0-9.-]*))(?::(\d{1,5}))?`;
const PARTS = new RegExp(`^(?:${NAME}|[a-z][a-z0-9+.-]*://${NAME}(?:/[a-z]*)?)$`);

interface HostParts {
  readonly name: string;
  readonly user: string | undefined;
  readonly port: string | undefined;
}

/**
 * What is wrong with the name of a host, as a cure; undefined of a name, an IPv4 address or a bare IPv6
 * address. What ssh takes as `user@host` and a browser as `[::1]:22` is taken apart for the user: it would
 * be looked up as a name.
 */
export function findHostCure(host: string): string | undefined {
  // ssh is asked about it, and would take a leading dash for an option
  if (!isOneLine(host) || host.startsWith("-")) return HOST_CURE;
  if (!/[@:/[\]]/.test(host) || isIpv6(host)) return undefined;
  const found = findParts(host);
  if (found === undefined) return ALONE_CURE;
  const parts = [
    `"${found.name}" alone here`,
    ...(found.user === undefined ? [] : ["the user in connection.user"]),
    ...(found.port === undefined ? [] : [`${found.port} in connection.port`]),
  ];
  return `give ${parts.join(", ")}`;
}

/** Whether a host that is refused may be quoted. */
export function isQuotableHost(host: unknown): boolean {
  return typeof host === "string" && findHostCure(host) !== undefined && findParts(host) !== undefined;
}

function findParts(host: string): HostParts | undefined {
  const groups: readonly (string | undefined)[] = PARTS.exec(host)?.slice(1) ?? [];
  const [user, address, name, port] = [0, 1, 2, 3].map((group) => groups[group] ?? groups[group + 4]);
  if (address !== undefined) return isIpv6(address) ? { name: address, user, port } : undefined;
  return name === undefined ? undefined : { name, user, port };
}

/** With a zone or without: `fe80::1%eth0`. */
function isIpv6(text: string): boolean {
  return z.ipv6().safeParse(text.replace(/%[\w.-]+$/, "")).success;
}
