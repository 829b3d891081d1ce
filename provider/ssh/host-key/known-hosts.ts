import { createHmac } from "node:crypto";
import { findPublicKeyInText, type PublicKey } from "../keys/public-key";

/** One usable line of a known_hosts file. */
export interface KnownHostsEntry {
  /** The host field as written: patterns separated by commas, or one hashed name. */
  readonly hosts: string;
  readonly key: PublicKey;
  /** The line is marked `@revoked`: the key must not be accepted for these hosts. */
  readonly isRevoked: boolean;
  /** The line is marked `@cert-authority`: the key vouches for certificates of these hosts. */
  readonly isAuthority?: boolean;
  /** `file:line`, for messages. */
  readonly source: string;
}

/**
 * Reads a known_hosts file (format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
 *
 * Lines that are no such thing are skipped as OpenSSH does. Host certificates are never asked for, so
 * `@cert-authority` lines vouch for nothing here; they are kept for messages.
 *
 * @param file the file's name, for {@link KnownHostsEntry.source}
 */
export function parseKnownHosts(text: string, file: string): readonly KnownHostsEntry[] {
  return text.split("\n").flatMap((line, index) => {
    const entry = findKnownHostsEntry(line, `${file}:${index + 1}`);
    return entry === undefined ? [] : [entry];
  });
}

/** One line of known_hosts; undefined where it is none that can be used, as above. */
export function findKnownHostsEntry(line: string, source: string): KnownHostsEntry | undefined {
  const fields = line.split(/[ \t\r]+/).filter((field) => field !== "");
  const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
  if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return undefined;
  const [hosts, type, base64] = fields;
  if (hosts === undefined || type === undefined || base64 === undefined || hosts.startsWith("#")) {
    return undefined;
  }
  const key = findPublicKeyInText(type, base64);
  if (key === undefined) return undefined;
  const isAuthority = marker === "@cert-authority";
  return { hosts, key, isRevoked: marker === "@revoked", source, ...(isAuthority && { isAuthority }) };
}

/**
 * The name under which a host stands in known_hosts: lower case, and `[host]:port` unless the port is 22
 * (OpenSSH, misc.c: put_host_port).
 */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether the host field of a line names this host. */
export function isNamedBy(hosts: string, name: string): boolean {
  if (hosts.startsWith("|")) return isHashOf(hosts, name);
  let isNamed = false;
  for (const written of hosts.toLowerCase().split(",")) {
    const isNegated = written.startsWith("!");
    if (!isMatch(isNegated ? written.slice(1) : written, name)) continue;
    // A negated pattern that matches rules the whole line out, wherever it stands.
    if (isNegated) return false;
    isNamed = true;
  }
  return isNamed;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key (OpenSSH, hostfile.c: host_hash). */
function isHashOf(hosts: string, name: string): boolean {
  const [empty, version, salt, hash, ...rest] = hosts.split("|");
  if (empty !== "" || version !== "1" || salt === undefined || hash === undefined || rest.length > 0) {
    return false;
  }
  const saltBytes = Buffer.from(salt, "base64");
  if (saltBytes.length !== 20) return false;
  return createHmac("sha1", saltBytes).update(name).digest().equals(Buffer.from(hash, "base64"));
}

/**
 * Wildcards as in OpenSSH's match.c: `*` any number of characters, `?` exactly one, nothing else is
 * special. Two cursors instead of a regular expression: a hostile pattern costs at most length × length.
 */
export function isMatch(pattern: string, name: string): boolean {
  let inPattern = 0;
  let inName = 0;
  let star = -1;
  let nameAtStar = 0;
  while (inName < name.length) {
    const sign = pattern[inPattern];
    if (sign === "*") {
      star = inPattern++;
      nameAtStar = inName;
    } else if (sign !== undefined && (sign === "?" || sign === name[inName])) {
      inPattern++;
      inName++;
    } else if (star >= 0) {
      inPattern = star + 1;
      inName = ++nameAtStar;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}

/** What known_hosts says of one host. */
export interface KnownKeys {
  /** Keys the host may show. */
  readonly trusted: readonly KnownHostsEntry[];
  readonly revoked: readonly KnownHostsEntry[];
  /** Keys that vouch for certificates. */
  readonly authorities: readonly KnownHostsEntry[];
}

/**
 * Looks a host up. On a port other than 22 the lines for the bare name count too when there is none for
 * `[host]:port`, as in OpenSSH (sshconnect.c: verify_host_key, "checking without port identifier").
 *
 * @param ofCommand - lines of a KnownHostsCommand, which count for the name that it was asked for alone
 */
export function lookUpHost(
  entries: readonly KnownHostsEntry[],
  host: string,
  port: number,
  ofCommand: readonly KnownHostsEntry[] = [],
): KnownKeys {
  const named = (name: string, from = entries) => from.filter((entry) => isNamedBy(entry.hosts, name));
  const exact = named(knownHostsName(host, port), [...entries, ...ofCommand]);
  const bare = port === 22 ? [] : named(knownHostsName(host, 22));
  const trusted = exact.filter(isPlain);
  return {
    trusted: trusted.length > 0 ? trusted : bare.filter(isPlain),
    revoked: [...exact, ...bare].filter((entry) => entry.isRevoked),
    authorities: [...exact, ...bare].filter((entry) => entry.isAuthority === true),
  };
}

function isPlain(entry: KnownHostsEntry): boolean {
  return !entry.isRevoked && entry.isAuthority !== true;
}

/** The line that makes the host known, without a line end. */
export function formatKnownHostsLine(host: string, port: number, key: PublicKey): string {
  return `${knownHostsName(host, port)} ${key.type} ${key.base64}`;
}
