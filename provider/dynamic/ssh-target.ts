import type { ConnectionInputs } from "../resource";
import type { SshTarget } from "../ssh";

/**
 * The connection arguments with their defaults: those of `@pulumi/command`'s remote connection, and the
 * agent that the environment names.
 */
export function sshTargetOf(connection: ConnectionInputs): SshTarget {
  const { password, privateKey, privateKeyPassword, hostKey, knownHostsFile, proxy } = connection;
  const agentSocketPath = connection.agentSocketPath ?? process.env["SSH_AUTH_SOCK"];
  return {
    host: connection.host,
    port: connection.port ?? 22,
    user: connection.user ?? "root",
    dialErrorLimit: connection.dialErrorLimit ?? 10,
    perDialTimeoutSeconds: connection.perDialTimeout ?? 15,
    strictHostKeyChecking: connection.strictHostKeyChecking ?? "yes",
    ...(password !== undefined && { password }),
    ...(privateKey !== undefined && { privateKey }),
    ...(privateKeyPassword !== undefined && { privateKeyPassword }),
    ...(agentSocketPath !== undefined && agentSocketPath !== "" && { agentSocketPath }),
    ...(hostKey !== undefined && { hostKey }),
    ...(knownHostsFile !== undefined && { knownHostsFile }),
    ...(proxy !== undefined && { proxy: sshTargetOf(proxy) }),
  };
}
