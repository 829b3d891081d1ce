import { providerError } from "../../errors";
import {
  findKnownHostsEntry,
  isNamedBy,
  knownHostsName,
  lookUpHost,
  type KnownHostsEntry,
} from "./known-hosts";
import { findPublicKeyInText, type PublicKey } from "../keys/public-key";

/** A key that may be shown, or the fingerprint of one, and where this is written. */
export type ExpectedKey =
  | { readonly kind: "key"; readonly key: PublicKey; readonly source: string }
  | { readonly kind: "fingerprint"; readonly fingerprint: string; readonly source: string };

/** The name and port under which a host stands in known_hosts; port 22 for a HostKeyAlias. */
export interface KnownHost {
  readonly host: string;
  readonly port: number;
}

/** What the `hostKey` argument says of one host. */
export interface HostKeyArgument {
  readonly expected: readonly ExpectedKey[];
  readonly revoked: readonly KnownHostsEntry[];
}

const ARGUMENT = "connection.hostKey";
/** More hosts than these would make a message of a whole file. */
const MAX_NAMED = 5;

/** A line of the argument; a key or a fingerprint without a host is for whichever host has the argument. */
type Line =
  | { readonly kind: "entry"; readonly entry: KnownHostsEntry }
  | { readonly kind: "expected"; readonly hosts?: string; readonly expected: ExpectedKey };

/**
 * Reads the `hostKey` argument: one or more lines, each a public key (`ssh-ed25519 AAAA… comment`), a
 * fingerprint (`SHA256:…`, also within a line of `ssh-keygen -l`), or a line of known_hosts or ssh-keyscan.
 * Those are read as known_hosts is: they count for the hosts that they name, `@revoked` refuses,
 * `@cert-authority` vouches for nothing.
 *
 * @param knownHost - undefined while it is not known which host this is; then only the form is judged
 * @throws SSH_HOST_KEY_ARGUMENT_INVALID where no key in it is for this host
 */
export function parseHostKeyArgument(
  text: string,
  knownHost: KnownHost | undefined,
  label: string,
): HostKeyArgument {
  const lines = text.split("\n").flatMap((line) => findLine(line) ?? []);
  const argumentError = (reason: string): Error =>
    providerError("SSH_HOST_KEY_ARGUMENT_INVALID", { target: label, reason });
  if (lines.length === 0) throw argumentError("holds no host key");
  const entries = lines.flatMap((line) => (line.kind === "entry" ? [line.entry] : []));
  const known =
    knownHost === undefined
      ? { trusted: entries.filter((entry) => !entry.isRevoked), revoked: [] }
      : lookUpHost(entries, knownHost.host, knownHost.port);
  const isHere = (hosts: string | undefined): boolean =>
    hosts === undefined ||
    knownHost === undefined ||
    namesOf(knownHost).some((name) => isNamedBy(hosts, name));
  const without = lines.flatMap((line) =>
    line.kind === "expected" && isHere(line.hosts) ? [line.expected] : [],
  );
  const expected: readonly ExpectedKey[] = [
    ...without,
    ...known.trusted.map(({ key }) => ({ kind: "key" as const, key, source: ARGUMENT })),
  ];
  if (expected.length > 0) return { expected, revoked: known.revoked };
  if (known.revoked.length > 0 || knownHost === undefined) throw argumentError("holds revoked keys alone");
  throw argumentError(
    `has no line for ${knownHostsName(knownHost.host, knownHost.port)}: its lines are for ${describeHosts(lines)}. ` +
      "Put the name and port of this host there as known_hosts has them, or leave the host out",
  );
}

/** Whether the answer depends on which host it is for: a line names hosts. */
export function namesHosts(text: string): boolean {
  return text
    .split("\n")
    .map(findLine)
    .some((line) => line?.kind === "entry" || (line?.kind === "expected" && line.hosts !== undefined));
}

function findLine(line: string): Line | undefined {
  const words = line.split(/\s+/).filter((word) => word !== "");
  const [first = "", second = "", third = ""] = words;
  if (first === "" || first.startsWith("#")) return undefined;
  const key = findPublicKeyInText(first, second);
  if (key !== undefined) return { kind: "expected", expected: { kind: "key", key, source: ARGUMENT } };
  const entry = findKnownHostsEntry(line, ARGUMENT);
  if (entry !== undefined && entry.isAuthority !== true) return { kind: "entry", entry };
  // nothing else bears a marker, and a key that is not whole is none, whatever its comment says
  if (first.startsWith("@") || /^(ssh|ecdsa|sk)-/.test(first) || /^(ssh|ecdsa|sk)-/.test(second))
    return undefined;
  const fingerprint = words.find((word) => /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(word))?.replace(/=$/, "");
  if (fingerprint === undefined) return undefined;
  const expected: ExpectedKey = { kind: "fingerprint", fingerprint, source: ARGUMENT };
  // `ssh-keygen -lF host` prints the host, the type and the fingerprint
  const isOfHost = /^[A-Z][A-Z0-9-]+$/.test(second) && third.startsWith("SHA256:");
  return { kind: "expected", expected, ...(isOfHost && { hosts: first }) };
}

function namesOf({ host, port }: KnownHost): readonly string[] {
  return [...new Set([knownHostsName(host, port), knownHostsName(host, 22)])];
}

function describeHosts(lines: readonly Line[]): string {
  const hosts = lines.map((line) => (line.kind === "entry" ? line.entry.hosts : (line.hosts ?? "")));
  const names = [...new Set(hosts.map((one) => (one.startsWith("|") ? "a hashed name" : one)))];
  const rest = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(" and ") + (rest > 0 ? ` and ${rest} more` : "");
}
