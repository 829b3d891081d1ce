import { providerError } from "../errors";
import type { ConnectionInputs } from "../resource";
import type { OpensshSettings } from "../ssh";

/** What else decides whether an option of ssh_config is needed. */
export interface Circumstances {
  /** Whether a private key is given, in whose place no file is tried. */
  readonly hasKey: boolean;
}

/** Which arguments stand in the place of an option; the others are always needed. */
const INSTEAD: Readonly<
  Record<string, (connection: ConnectionInputs, circumstances: Circumstances) => boolean>
> = {
  IdentityFile: (_, { hasKey }) => hasKey,
  CertificateFile: (_, { hasKey }) => hasKey,
  IdentityAgent: ({ agentSocketPath }) => agentSocketPath !== undefined,
  KnownHostsCommand: ({ hostKey }) => hostKey !== undefined,
  ProxyCommand: ({ proxy }) => proxy !== undefined,
  ProxyJump: ({ proxy }) => proxy !== undefined,
};

/**
 * An option that cannot be followed is no option that is not there: OpenSSH would end too, or would trust and
 * reach others than without it.
 *
 * @throws SSH_CONFIG_UNSUPPORTED for the first one that no argument stands in the place of
 */
export function requireFollowed(
  { unfollowed }: Pick<OpensshSettings, "unfollowed">,
  connection: ConnectionInputs,
  circumstances: Circumstances,
): void {
  const needed = unfollowed.find(({ keyword }) => INSTEAD[keyword]?.(connection, circumstances) !== true);
  if (needed === undefined) return;
  throw providerError("SSH_CONFIG_UNSUPPORTED", { host: connection.host, reason: needed.reason });
}
