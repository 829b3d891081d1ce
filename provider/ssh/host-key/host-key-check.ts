import { providerError, type ProviderError } from "../../errors";
import { parseHostKeyArgument, type ExpectedKey } from "./host-key-argument";
import { formatKnownHostsLine, lookUpHost, type KnownHostsEntry } from "./known-hosts";
import { readKnownHosts } from "./known-hosts-files";
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

/**
 * Gathers what is known of the target's key: the `hostKey` argument, else known_hosts.
 *
 * @throws SSH_HOST_KEY_ARGUMENT_INVALID
 */
export function hostKeyPolicyOf(target: SshTarget, label: string): HostKeyPolicy {
  const { strictHostKeyChecking, hostKeyAlias } = target;
  // an alias stands in known_hosts without a port (OpenSSH, sshconnect.c: get_hostfile_hostname_ipaddr)
  const host = hostKeyAlias ?? target.host;
  const port = hostKeyAlias === undefined ? target.port : 22;
  if (target.hostKey !== undefined) {
    const known = parseHostKeyArgument(target.hostKey, { host, port }, label);
    return { host, port, label, ...known, strictness: "yes", userFile: undefined, asked: [] };
  }
  const files = readKnownHosts(target.knownHostsFiles);
  const known = lookUpHost(files.entries, host, port);
  return {
    host,
    port,
    label,
    expected: known.trusted.map(({ key, source }) => ({ kind: "key", key, source })),
    revoked: known.revoked,
    strictness: strictHostKeyChecking,
    userFile: files.userFile,
    asked: files.asked,
  };
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
  const revoked = policy.revoked.find(({ key }) => isSameKey(key, received));
  if (revoked !== undefined) {
    const details = { target, received: describeKey(received), source: revoked.source };
    return { kind: "refuse", error: providerError("SSH_HOST_KEY_REVOKED", details) };
  }
  if (expected.some((one) => isExpected(one, received))) return { kind: "accept" };
  const line = formatKnownHostsLine(policy.host, policy.port, received);
  if (expected.length === 0) {
    if (policy.strictness !== "yes") return assessNewKey(policy, line);
    const details = { target, received: describeKey(received), line, files: policy.asked };
    return { kind: "refuse", error: providerError("SSH_HOST_KEY_UNKNOWN", details) };
  }
  if (policy.strictness === "no") return { kind: "accept-without-password" };
  return { kind: "refuse", error: hostKeyMismatchError(policy, [received]) };
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
