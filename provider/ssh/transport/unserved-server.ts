/**
 * SSH servers that run commands on their host, but in no process for each connection: ending one connection
 * with all its channels, which the locks need, is not possible there. They are known by the version line:
 * Tailscale's (ssh/tailssh, which older releases wrote with a second `SSH-2.0-`) and Teleport's
 * (lib/sshutils).
 */
const UNSERVED: readonly (readonly [RegExp, string])[] = [
  [/^(?:SSH-2\.0-)?Tailscale\b/, "Tailscale SSH"],
  [/^(?:SSH-2\.0-)?Teleport(?:\b|_)/, "Teleport"],
];

/** The name of a server that is not served; undefined of every other. @param version of its version line */
export function findUnservedServer(version: string): string | undefined {
  return UNSERVED.find(([pattern]) => pattern.test(version))?.[1];
}
