import { createHash } from "node:crypto";

/** What `strictHostKeyChecking` may be; the meaning is OpenSSH's (ssh_config(5)), except where docs/decisions say so. */
export type StrictHostKeyChecking = "yes" | "accept-new" | "no";

/**
 * One host to log in to, validated and with its defaults filled in (by provider/resource).
 *
 * The credentials are tried in the order `privateKey`, agent, `password`; those left out are not tried.
 */
export interface SshTarget {
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  /** The text of a private key (OpenSSH, PEM or PPK), not the path of a file. */
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  /** Path of an ssh-agent's socket. */
  readonly agentSocketPath?: string;
  /** How many dials may fail in all before giving up; -1 is without limit. */
  readonly dialErrorLimit: number;
  /** Bounds one dial: resolving, connecting and the key exchange. 0 is without limit. */
  readonly perDialTimeoutSeconds: number;
  /** Public key line(s) or a `SHA256:…` fingerprint. When given, known_hosts is not asked. */
  readonly hostKey?: string;
  /** Default: the user's own `~/.ssh/known_hosts`. The system-wide files are read as well, as OpenSSH does. */
  readonly knownHostsFile?: string;
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  /** The jump host to go through, nested as often as there are jump hosts. */
  readonly proxy?: SshTarget;
}

/** `root@hv1:22`, for messages; an IPv6 address in brackets. Holds no credential. */
export function labelOf(target: SshTarget): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return `${target.user}@${host}:${target.port}`;
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
    hop.hostKey ?? null,
    hop.knownHostsFile ?? null,
    hop.strictHostKeyChecking,
  ]);
  return createHash("sha256").update(JSON.stringify(fields)).digest("base64");
}
