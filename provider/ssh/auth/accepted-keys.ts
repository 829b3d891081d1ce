import type { SshTarget } from "../config/target";
import { findRsaBits } from "../keys/rsa-bits";
import type { PublicKey } from "../keys/public-key";

/** Algorithms with which keys of a type sign here, where that is not the type's name itself. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
  "ssh-rsa-cert-v01@openssh.com": ["rsa-sha2-512-cert-v01@openssh.com"],
};

/**
 * Whether OpenSSH's configuration lets a key be offered: by PubkeyAcceptedAlgorithms and RequiredRSASize. A
 * key that the program gives is offered whatever they say.
 */
export function isOffered(key: PublicKey, target: SshTarget): boolean {
  const { acceptedKeyAlgorithms, hostKeyRules } = target;
  const names = ALGORITHMS[key.type] ?? [key.type];
  if (acceptedKeyAlgorithms !== undefined && !names.some((name) => acceptedKeyAlgorithms.includes(name)))
    return false;
  const bits = findRsaBits(key);
  return bits === undefined || bits >= (hostKeyRules?.requiredRsaBits ?? 0);
}
