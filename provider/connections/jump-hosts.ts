import { providerError } from "../errors";
import type { ConnectionInputs } from "../resource";
import type { Jump, OpensshSettings } from "../ssh";

/** Jump hosts that lead to jump hosts; OpenSSH itself would go round in a circle. */
const MAX_JUMPS = 10;

/** A host on the way to the one that the program names. */
export interface Hop {
  /** Who names it: the program, or a ProxyJump of ssh_config. */
  readonly namedBy: "program" | "ssh_config";
  /** Hosts from the program's on, as they are called. */
  readonly way: readonly string[];
}

/** A jump host: its connection arguments, and where it stands on the way. */
export interface JumpHost {
  readonly connection: ConnectionInputs;
  readonly hop: Hop;
}

/**
 * The jump host before a host: the program's, else the last of ProxyJump with the others before it.
 *
 * @throws SSH_CONFIG_UNSUPPORTED
 */
export function jumpHostOf(
  connection: ConnectionInputs,
  settings: OpensshSettings | undefined,
  hop: Hop,
): JumpHost | undefined {
  const next = (proxy: ConnectionInputs, namedBy: Hop["namedBy"]): JumpHost => ({
    connection: proxy,
    hop: { namedBy, way: [...hop.way, proxy.host] },
  });
  if (connection.proxy !== undefined) return next(connection.proxy, hop.namedBy);
  if (settings === undefined) return undefined;
  const proxy = nest(jumpsOf(settings, connection.host), connection);
  if (proxy === undefined) return undefined;
  requireNoCircle(hop, connection.host);
  return next(proxy, "ssh_config");
}

function jumpsOf({ jumps }: OpensshSettings, host: string): readonly Jump[] {
  if (jumps === undefined)
    throw providerError("SSH_CONFIG_UNSUPPORTED", {
      host,
      reason: "its ProxyJump cannot be read. Write it as [user@]host[:port], with commas between several",
    });
  return jumps;
}

function requireNoCircle({ way }: Hop, host: string): void {
  if (way.length <= MAX_JUMPS) return;
  throw providerError("SSH_CONFIG_UNSUPPORTED", {
    host: way[0] ?? host,
    reason: `its ProxyJump goes round in a circle: ${way.slice(0, 4).join(", ")} and so on`,
  });
}

/**
 * Jump hosts as nested connections, the last jump host outermost. That of a host wins over its own ProxyJump,
 * as with `ssh -J`. Limits, strictness and agent are those of the host behind; host keys and users are each
 * host's own.
 */
function nest(jumps: readonly Jump[], behind: ConnectionInputs): ConnectionInputs | undefined {
  const { dialErrorLimit, perDialTimeout, strictHostKeyChecking, agentSocketPath } = behind;
  return jumps.reduce<ConnectionInputs | undefined>(
    (proxy, jump) => ({
      ...jump,
      dialErrorLimit,
      perDialTimeout,
      strictHostKeyChecking,
      agentSocketPath,
      ...(proxy !== undefined && { proxy }),
    }),
    undefined,
  );
}
