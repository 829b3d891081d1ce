import { providerError, type ProviderError } from "../../errors";
import { parseHostKeyArgument, type ExpectedKey, type KnownHost } from "./host-key-argument";
import { formatKnownHostsLine, lookUpHost, type KnownHostsEntry } from "./known-hosts";
import { readKnownHosts } from "./known-hosts-files";
import { readRevokedKeys, type RevokedKeys } from "./revoked-keys";
import { findRsaBits } from "../keys/rsa-bits";
import { describeKey, fingerprintOf, isSameKey, type PublicKey } from "../keys/public-key";
import type { SshTarget, StrictHostKeyChecking } from "../config/target";

/** All that decides whether a host's key is accepted; gathered before the dial. */
export interface HostKeyPolicy {
  /** Name and port under which it stands in known_hosts. */
  readonly host: string;
  readonly port: number;
  /** The host in messages. */
  readonly label: string;
  readonly expected: readonly ExpectedKey[];
  readonly revoked: readonly KnownHostsEntry[];
  readonly strictness: StrictHostKeyChecking;
  /** Where a new key is written; undefined when the key was given by argument, or there is no file for it. */
  readonly userFile: string | undefined;
  /** The files that were asked, for the message about an unknown host. */
  readonly asked: readonly string[];
  /** Where it is written that an authority vouches for this host's certificate, which is not asked for. */
  readonly authorities?: readonly string[];
  /** Keys that are known of its address, where those have to agree (CheckHostIP). */
  readonly ofAddress?: { readonly address: string; readonly trusted: readonly KnownHostsEntry[] };
  /** RevokedHostKeys */
  readonly revokedKeys?: RevokedKeys;
  /** Signature algorithms that may be asked for, best first (HostKeyAlgorithms). Default: all. */
  readonly algorithms?: readonly string[];
  /** RequiredRSASize */
  readonly requiredRsaBits?: number;
}

/** What to do with the key that a host showed. */
export type HostKeyVerdict =
  | { readonly kind: "accept" }
  /** Accept, and write this line once the host has proved that it holds the key. */
  | {
      readonly kind: "accept-and-record";
      readonly file: string;
      readonly line: string;
      readonly mustRecord: boolean;
    }
  /** Go on, but show no password to whoever this is. */
  | { readonly kind: "accept-without-password" }
  | { readonly kind: "refuse"; readonly error: ProviderError };

/** What a look at known_hosts does not know by itself. */
interface Besides {
  /** What a KnownHostsCommand has said. */
  readonly ofCommand?: readonly KnownHostsEntry[];
  /** The address at the other end of a direct connection. */
  readonly address?: string | undefined;
}

/**
 * Gathers what is known of the target's key: the `hostKey` argument, else known_hosts. What OpenSSH's
 * configuration forbids is forbidden either way.
 *
 * @throws SSH_HOST_KEY_ARGUMENT_INVALID, SSH_CONFIG_UNSUPPORTED
 */
export function hostKeyPolicyOf(target: SshTarget, label: string, besides: Besides = {}): HostKeyPolicy {
  const { hostKeyRules = {} } = target;
  const { revokedHostKeys, algorithms, requiredRsaBits } = hostKeyRules;
  return {
    ...knownKeysOf(target, label, besides),
    ...(revokedHostKeys !== undefined && {
      revokedKeys: readRevokedKeys(revokedHostKeys, target.hostAlias ?? target.host),
    }),
    ...(algorithms !== undefined && { algorithms }),
    ...(requiredRsaBits !== undefined && { requiredRsaBits }),
  };
}

/** Under which name and port a target stands in known_hosts. */
export function knownHostOf(target: SshTarget): KnownHost {
  // an alias stands in known_hosts without a port (OpenSSH, sshconnect.c: get_hostfile_hostname_ipaddr)
  if (target.hostKeyAlias !== undefined) return { host: target.hostKeyAlias, port: 22 };
  return { host: target.host, port: target.port };
}

function knownKeysOf(target: SshTarget, label: string, { ofCommand, address }: Besides): HostKeyPolicy {
  const { strictHostKeyChecking, hostKeyRules = {} } = target;
  const { host, port } = knownHostOf(target);
  if (target.hostKey !== undefined) {
    const known = parseHostKeyArgument(target.hostKey, { host, port }, label);
    return { host, port, label, ...known, strictness: "yes", userFile: undefined, asked: [] };
  }
  const files = readKnownHosts(target.knownHostsFiles, hostKeyRules.globalKnownHostsFiles);
  const known = lookUpHost(files.entries, host, port, ofCommand);
  const ofAddress =
    hostKeyRules.isAddressChecked === true && address !== undefined && isAnotherName(host, address)
      ? { address, trusted: lookUpHost(files.entries, address, target.port, ofCommand).trusted }
      : undefined;
  const command = hostKeyRules.knownHostsCommand?.argv[0];
  return {
    host,
    port,
    label,
    expected: known.trusted.map(({ key, source }) => ({ kind: "key", key, source })),
    revoked: known.revoked,
    strictness: strictHostKeyChecking,
    userFile: files.userFile,
    asked: command === undefined ? files.asked : [...files.asked, `what KnownHostsCommand ${command} prints`],
    authorities: known.authorities.map(({ source }) => source),
    ...(ofAddress !== undefined && { ofAddress }),
  };
}

/** A loopback address is not looked up, nor one that is the name (OpenSSH, sshconnect.c: check_host_key). */
function isAnotherName(host: string, address: string): boolean {
  return address !== host && !/^(127\.|::1$|::ffff:127\.)/.test(address);
}

/**
 * Judges the key that the host showed.
 *
 * Stricter than OpenSSH in two places, on purpose: a revoked key is refused even with "no"; and under
 * "accept-new" a host known under keys of *other* types only has changed, it is not new (otherwise whoever
 * stands in between shows a key of a type that nobody wrote down, and is believed).
 */
export function assessHostKey(policy: HostKeyPolicy, received: PublicKey): HostKeyVerdict {
  const { expected, label: target } = policy;
  const forbidden = findForbidden(policy, received);
  if (forbidden !== undefined) return { kind: "refuse", error: forbidden };
  if (expected.some((one) => isExpected(one, received))) return assessAddress(policy, received);
  const line = formatKnownHostsLine(policy.host, policy.port, received);
  if (expected.length === 0) {
    if (policy.strictness !== "yes") return assessNewKey(policy, line);
    const { asked: files, authorities = [] } = policy;
    const details = { target, received: describeKey(received), line, files, authorities };
    return { kind: "refuse", error: providerError("SSH_HOST_KEY_UNKNOWN", details) };
  }
  if (policy.strictness === "no") return { kind: "accept-without-password" };
  return { kind: "refuse", error: hostKeyMismatchError(policy, [received]) };
}

/** What forbids a key whatever is known of the host. */
function findForbidden(policy: HostKeyPolicy, received: PublicKey): ProviderError | undefined {
  const { label: target, requiredRsaBits = 0 } = policy;
  const revoked =
    policy.revoked.find(({ key }) => isSameKey(key, received))?.source ??
    policy.revokedKeys?.findSource(received);
  if (revoked !== undefined)
    return providerError("SSH_HOST_KEY_REVOKED", {
      target,
      received: describeKey(received),
      source: revoked,
    });
  const bits = findRsaBits(received);
  if (bits === undefined || bits >= requiredRsaBits) return undefined;
  const reason = `it shows ${describeKey(received)} with ${bits} bits, and RequiredRSASize is ${requiredRsaBits}`;
  return providerError("SSH_HOST_KEY_NOT_ALLOWED", { target, reason });
}

/** What is known of the address may not speak against a key that is known of the name. */
function assessAddress(policy: HostKeyPolicy, received: PublicKey): HostKeyVerdict {
  const { ofAddress, strictness } = policy;
  if (ofAddress === undefined || ofAddress.trusted.length === 0 || strictness === "no")
    return { kind: "accept" };
  if (ofAddress.trusted.some(({ key }) => isSameKey(key, received))) return { kind: "accept" };
  const expected = ofAddress.trusted.map(({ key, source }) => ({ kind: "key" as const, key, source }));
  const label = `${policy.label} (by CheckHostIP, of its address ${ofAddress.address})`;
  return { kind: "refuse", error: hostKeyMismatchError({ ...policy, label, expected }, [received]) };
}

/** "no" accepts the next key as well, written down or not; "accept-new" lives by what is written. */
function assessNewKey(policy: HostKeyPolicy, line: string): HostKeyVerdict {
  const { label: target, strictness, userFile: file } = policy;
  const mustRecord = strictness === "accept-new";
  if (file !== undefined) return { kind: "accept-and-record", file, line, mustRecord };
  if (!mustRecord) return { kind: "accept" };
  const details = { target, file: "known_hosts", line, reason: "no file is named for it" };
  return { kind: "refuse", error: providerError("SSH_HOST_KEY_NOT_RECORDED", details) };
}

/** The error for a host that shows other keys than those expected. */
export function hostKeyMismatchError(policy: HostKeyPolicy, received: readonly PublicKey[]): ProviderError {
  return providerError("SSH_HOST_KEY_MISMATCH", {
    target: policy.label,
    received: received.map(describeKey),
    expected: policy.expected.map((one) => `${describeExpected(one)} (${one.source})`),
  });
}

function isExpected(expected: ExpectedKey, received: PublicKey): boolean {
  if (expected.kind === "key") return isSameKey(expected.key, received);
  return expected.fingerprint === fingerprintOf(received);
}

function describeExpected(expected: ExpectedKey): string {
  return expected.kind === "key" ? describeKey(expected.key) : expected.fingerprint;
}
