import type { SshTarget } from "../config/target";
import type { PublicKey } from "../keys/public-key";
import { hostKeyPolicyOf, knownHostOf, type HostKeyPolicy } from "./host-key-check";
import { askKnownHostsCommand } from "./known-hosts-command";
import { knownHostsName, type KnownHostsEntry } from "./known-hosts";

/** Where it is looked up which keys a host may show: anew each time, since others write there too. */
export interface HostKeySource {
  /**
   * @param address - at the other end of a direct connection
   * @throws as {@link hostKeyPolicyOf}
   */
  policyNow(address?: string): HostKeyPolicy;
  /**
   * Has a KnownHostsCommand, if there is one, answer for a key that the host has shown, or before it has
   * shown one. What it says is in the policy from then on.
   *
   * @returns undefined where there is nothing to wait for
   * @throws SSH_KNOWN_HOSTS_COMMAND_FAILED; the signal's reason
   */
  ask(received: PublicKey | undefined, signal: AbortSignal, address?: string): Promise<void> | undefined;
}

/** The `hostKey` argument of a target, else known_hosts and what OpenSSH's configuration says beside. */
export function hostKeySourceOf(target: SshTarget, label: string): HostKeySource {
  const command = target.hostKey === undefined ? target.hostKeyRules?.knownHostsCommand : undefined;
  let said: readonly KnownHostsEntry[] = [];
  const askFor = async (
    received: PublicKey | undefined,
    signal: AbortSignal,
    address?: string,
  ): Promise<void> => {
    if (command === undefined) return;
    const { host, port } = knownHostOf(target);
    const name = knownHostsName(host, port);
    const options = { label, signal };
    if (received === undefined) {
      said = await askKnownHostsCommand(command, { kind: "ORDER", name }, options);
      return;
    }
    const ofHost = await askKnownHostsCommand(command, { kind: "HOSTNAME", name, key: received }, options);
    const isAddressAsked = target.hostKeyRules?.isAddressChecked === true && address !== undefined;
    const ofAddress = isAddressAsked
      ? await askKnownHostsCommand(
          command,
          { kind: "ADDRESS", name: knownHostsName(address, target.port), key: received },
          options,
        )
      : [];
    said = [...ofHost, ...ofAddress];
  };
  return {
    policyNow: (address) => hostKeyPolicyOf(target, label, { ofCommand: said, address }),
    ask: (received, signal, address) =>
      command === undefined ? undefined : askFor(received, signal, address),
  };
}
