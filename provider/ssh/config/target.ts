import { createHash } from "node:crypto";
import type { PrivateKeyText } from "../keys/private-key";
import type { HostKeyRules } from "./host-key-rules";
import type { Route } from "./route";

/**
 * What `strictHostKeyChecking` may be; the meaning is OpenSSH's (ssh_config(5)), except where
 * docs/internals/decisions say so.
 */
export type StrictHostKeyChecking = "yes" | "accept-new" | "no";

/** Where each credential came from, in words for messages. */
export interface CredentialSources {
  readonly privateKey: string;
  readonly privateKeyPassword: string;
}

/** The sources where nothing else is said: the program's arguments. */
export const PROGRAM_SOURCES: CredentialSources = {
  privateKey: "connection.privateKey",
  privateKeyPassword: "connection.privateKeyPassword",
};

/**
 * One host to log in to, validated and with its defaults filled in (by provider/connections).
 *
 * The credentials are tried in the order `privateKey`, agent, `identityFiles`, `password`; those left out are
 * not tried.
 */
export interface SshTarget {
  /** Name or address, without brackets. */
  readonly host: string;
  /** The name by which the program or ssh_config calls it, where that is another. */
  readonly hostAlias?: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** The text of a private key (OpenSSH, PEM or PPK), not the path of a file. */
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  /** Default: {@link PROGRAM_SOURCES}. */
  readonly sources?: CredentialSources;
  /** Offered where `privateKey` is refused; one that cannot be used is passed over. */
  readonly spareKeys?: readonly PrivateKeyText[];
  /** Private key files to try where there is no `privateKey`; those that are not there are passed over. */
  readonly identityFiles?: readonly string[];
  /** Of the agent's keys only those are used that are the other half of an identity file. */
  readonly hasIdentitiesOnly?: boolean;
  /** Certificates of keys, beside those that stand next to an identity file. */
  readonly certificateFiles?: readonly string[];
  /** Algorithms with which keys of identity files and agents may sign. Default: all. */
  readonly acceptedKeyAlgorithms?: readonly string[];
  /** Path of an ssh-agent's socket. */
  readonly agentSocketPath?: string;
  /** How many dials may fail in all before giving up; -1 is without limit. */
  readonly dialErrorLimit: number;
  /** Bounds one dial: resolving, connecting and the key exchange. 0 is without limit. */
  readonly perDialTimeoutSeconds: number;
  /** Public key line(s) or a `SHA256:…` fingerprint. When given, known_hosts is not asked. */
  readonly hostKey?: string;
  /** The name under which it stands in known_hosts, whatever its port. */
  readonly hostKeyAlias?: string;
  /**
   * The user's own known_hosts files; a new key is written to the first. `none` and `/dev/null` are no file.
   * Default: `~/.ssh/known_hosts` and `known_hosts2`. The system-wide files are read as well, as OpenSSH
   * does.
   */
  readonly knownHostsFiles?: readonly string[];
  /** What OpenSSH's configuration says beside. */
  readonly hostKeyRules?: HostKeyRules;
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  /** How it is reached, where there is no {@link proxy}. */
  readonly route?: Route;
  /** The jump host to go through, nested as often as there are jump hosts. */
  readonly proxy?: SshTarget;
}

/**
 * `root@hv1:22`, with its host alias where it has one, for messages; an IPv6 address in brackets. Holds no
 * credential.
 */
export function labelOf(target: SshTarget): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const label = `${target.user}@${host}:${target.port}`;
  return target.hostAlias === undefined ? label : `${label} (${target.hostAlias})`;
}

/** The targets on the way, outermost jump host first, the target itself last. */
export function hopsOf(target: SshTarget): readonly SshTarget[] {
  return target.proxy === undefined ? [target] : [...hopsOf(target.proxy), target];
}

/**
 * Equal for equal targets, credentials included: another password is another login. A hash, so that
 * the pool's table holds no credential.
 */
export function poolKeyOf(target: SshTarget): string {
  const fields = hopsOf(target).map((hop) => [
    hop.host,
    hop.port,
    hop.user,
    hop.password ?? null,
    hop.privateKey ?? null,
    hop.privateKeyPassword ?? null,
    hop.agentSocketPath ?? null,
    hop.spareKeys ?? null,
    hop.identityFiles ?? null,
    hop.hasIdentitiesOnly ?? null,
    hop.certificateFiles ?? null,
    hop.acceptedKeyAlgorithms ?? null,
    hop.hostKey ?? null,
    hop.hostKeyAlias ?? null,
    hop.knownHostsFiles ?? null,
    hop.strictHostKeyChecking,
    hop.hostKeyRules ?? null,
    hop.route ?? null,
  ]);
  return createHash("sha256").update(JSON.stringify(fields)).digest("base64");
}
