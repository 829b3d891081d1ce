import type { ServerHostKeyAlgorithm } from "ssh2";
import type { HostKeyPolicy } from "./host-key-check";

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

/**
 * The order in which host key types are asked for: those with a known key first, as OpenSSH does
 * (sshconnect2.c: order_hostkeyalgs). Otherwise a host of which only the RSA key is known would show its
 * ed25519 key and look like an impostor.
 */
export function hostKeyTypesFor(policy: HostKeyPolicy): readonly string[] {
  const known = new Set(policy.expected.flatMap((one) => (one.kind === "key" ? [one.key.type] : [])));
  const types = [...ALGORITHMS.keys()];
  return [...types.filter((type) => known.has(type)), ...types.filter((type) => !known.has(type))];
}

/** The signature algorithms for these key types, in their order. */
export function hostKeyAlgorithms(types: readonly string[]): ServerHostKeyAlgorithm[] {
  return types.flatMap((type) => ALGORITHMS.get(type) ?? []);
}
