import type { ServerHostKeyAlgorithm } from "ssh2";
import type { HostKeyPolicy } from "./host-key-check";
import { isMatch } from "./known-hosts";

/**
 * The host key types this client can verify, best first, with the signature algorithms of each. RSA with
 * SHA-1 is left out as in OpenSSH since 8.8.
 */
const ALGORITHMS: ReadonlyMap<string, readonly ServerHostKeyAlgorithm[]> = new Map([
  ["ssh-ed25519", ["ssh-ed25519"]],
  ["ecdsa-sha2-nistp256", ["ecdsa-sha2-nistp256"]],
  ["ecdsa-sha2-nistp384", ["ecdsa-sha2-nistp384"]],
  ["ecdsa-sha2-nistp521", ["ecdsa-sha2-nistp521"]],
  ["ssh-rsa", ["rsa-sha2-512", "rsa-sha2-256"] as unknown as ServerHostKeyAlgorithm[]],
]);

/** The names of all of them, best first. */
const NAMES = [...ALGORITHMS.values()].flat() as readonly string[];

/**
 * The order in which host key types are asked for: those with a known key first, as OpenSSH does
 * (sshconnect2.c: order_hostkeyalgs). Otherwise a host of which only the RSA key is known would show its
 * ed25519 key and look like an impostor. Within each half it is the order of HostKeyAlgorithms, and no type
 * that is not among these is asked for.
 */
export function hostKeyTypesFor(policy: HostKeyPolicy): readonly string[] {
  const known = new Set(policy.expected.flatMap((one) => (one.kind === "key" ? [one.key.type] : [])));
  const allowed = allowedNames(policy.algorithms);
  const types = [...new Set(allowed.flatMap((name) => typeOf(name) ?? []))];
  return [...types.filter((type) => known.has(type)), ...types.filter((type) => !known.has(type))];
}

/** The signature algorithms for these key types, in their order. */
export function hostKeyAlgorithms(
  types: readonly string[],
  { algorithms }: Pick<HostKeyPolicy, "algorithms">,
): ServerHostKeyAlgorithm[] {
  const allowed = allowedNames(algorithms);
  return types.flatMap((type) => allowed.filter((name) => typeOf(name) === type)) as ServerHostKeyAlgorithm[];
}

/** Those that can be verified here, in the order of HostKeyAlgorithms, which may have patterns. */
function allowedNames(algorithms: readonly string[] | undefined): readonly string[] {
  if (algorithms === undefined) return NAMES;
  return [...new Set(algorithms.flatMap((pattern) => NAMES.filter((name) => isMatch(pattern, name))))];
}

function typeOf(algorithm: string): string | undefined {
  return [...ALGORITHMS].find(([, names]) => (names as readonly string[]).includes(algorithm))?.[0];
}
