import type * as pulumi from "@pulumi/pulumi";

/**
 * How to reach the hypervisor host over SSH. The names, units and defaults are those of the remote connection of
 * `@pulumi/command`; `knownHostsFile` and `strictHostKeyChecking` are added.
 *
 * Only a failure to dial (no answer, refused, reset, name not found) is retried, with growing delay. A refused
 * authentication and a wrong host key are final at once.
 *
 * `password`, `privateKey` and `privateKeyPassword` are made secret here and in every nested `proxy`, also where
 * the program forgot to say so.
 *
 * @example
 * const connection: ConnectionArgs = { host: "hv1", privateKey: config.requireSecret("sshKey"), hostKey: "SHA256:…" };
 */
export interface ConnectionArgs {
  /** Name or address of the host, as this machine (or the last jump host) resolves it. */
  host: pulumi.Input<string>;
  /** TCP port of sshd. Default: 22. */
  port?: pulumi.Input<number | undefined>;
  /** SSH user: root, or a member of the host's `libvirt` group. Default: "root". */
  user?: pulumi.Input<string | undefined>;
  /** Password of the user. Secret. */
  password?: pulumi.Input<string | undefined>;
  /** Private key as the text of a PEM or OpenSSH key file, not its path. Secret. */
  privateKey?: pulumi.Input<string | undefined>;
  /** Passphrase of `privateKey`. Secret. */
  privateKeyPassword?: pulumi.Input<string | undefined>;
  /** Path of an SSH agent's unix socket. Default: `$SSH_AUTH_SOCK` of the process that runs Pulumi. */
  agentSocketPath?: pulumi.Input<string | undefined>;
  /** Attempts to dial before giving up; -1 for no limit. Default: 10. */
  dialErrorLimit?: pulumi.Input<number | undefined>;
  /** Seconds that one attempt to dial may take; 0 for no limit. Default: 15. */
  perDialTimeout?: pulumi.Input<number | undefined>;
  /**
   * The host's key: a public key line (`ssh-ed25519 AAAA…`) or a fingerprint (`SHA256:…`). When given, known_hosts
   * files are not asked.
   */
  hostKey?: pulumi.Input<string | undefined>;
  /** Path of the known_hosts file to ask when there is no `hostKey`. Default: the user's own, `~/.ssh/known_hosts`. */
  knownHostsFile?: pulumi.Input<string | undefined>;
  /**
   * What to do about a host key that known_hosts does not hold, with OpenSSH's meaning (ssh_config(5)): "yes" refuses
   * it, "accept-new" adds it, "no" takes any. Default: "yes".
   */
  strictHostKeyChecking?: pulumi.Input<"yes" | "accept-new" | "no" | undefined>;
  /** Jump host: connect to this one first and to `host` through it. Has the same fields, so it nests. */
  proxy?: pulumi.Input<ConnectionArgs | undefined>;
}
