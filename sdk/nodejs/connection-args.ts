import type * as pulumi from "@pulumi/pulumi";

/**
 * How to reach the hypervisor host over SSH. The names, units and defaults are those of the remote connection
 * of `@pulumi/command`; `knownHostsFile` and `strictHostKeyChecking` are added.
 *
 * Only a failure to dial (no answer, refused, reset, name not found) is retried, with growing delay. A
 * refused authentication and a wrong host key are final at once.
 *
 * `password`, `privateKey` and `privateKeyPassword` are made secret here and in every nested `proxy`, also
 * where the program forgot to say so.
 *
 * @example
 * const connection: ConnectionArgs = {
 *   host: "hv1",
 *   privateKey: config.requireSecret("sshKey"),
 *   hostKey: "SHA256:…",
 * };
 */
export interface ConnectionArgs {
  /**
   * Name or address of the host, as this machine (or the last jump host) resolves it, or a host alias of
   * `~/.ssh/config`. Where OpenSSH is installed, `ssh -G` is asked what the alias stands for. What is given
   * here wins over that.
   */
  host: pulumi.Input<string>;
  /** TCP port of sshd. Default: that of ssh_config, 22. */
  port?: pulumi.Input<number | undefined>;
  /** SSH user: root, or a member of the host's `libvirt` group. Default: that of ssh_config, "root". */
  user?: pulumi.Input<string | undefined>;
  /**
   * Password of the user. Secret. Default: `multifunction-pci:password` of the stack's configuration,
   * `$MULTIFUNCTION_PCI_PASSWORD`; neither is told to a jump host.
   */
  password?: pulumi.Input<string | undefined>;
  /**
   * Private key as the text of a key file that ssh-keygen, openssl (PEM, PKCS#8) or PuTTY wrote, not its
   * path. Secret. Default: `multifunction-pci:privateKey` of the stack's configuration,
   * `$MULTIFUNCTION_PCI_PRIVATE_KEY`; else the agent's keys and the key files that ssh would try.
   */
  privateKey?: pulumi.Input<string | undefined>;
  /**
   * Passphrase of the private key. Secret. Default: `multifunction-pci:privateKeyPassword` of the stack's
   * configuration, `$MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD`.
   */
  privateKeyPassword?: pulumi.Input<string | undefined>;
  /** Path of an SSH agent's unix socket. Default: IdentityAgent of ssh_config, `$SSH_AUTH_SOCK`. */
  agentSocketPath?: pulumi.Input<string | undefined>;
  /** Attempts to dial before giving up; -1 for no limit. Default: 10. */
  dialErrorLimit?: pulumi.Input<number | undefined>;
  /** Seconds that one attempt to dial may take; 0 for no limit. Default: 15. */
  perDialTimeout?: pulumi.Input<number | undefined>;
  /**
   * The host's key: a public key (`ssh-ed25519 AAAA…`), a fingerprint (`SHA256:…`), or lines of known_hosts,
   * which count for the host and port that they name. When given, known_hosts files are not asked.
   */
  hostKey?: pulumi.Input<string | undefined>;
  /**
   * Path of the known_hosts file to ask when there is no `hostKey`. Default: those of ssh_config,
   * `~/.ssh/known_hosts`.
   */
  knownHostsFile?: pulumi.Input<string | undefined>;
  /**
   * What to do about a host key that known_hosts does not hold, with OpenSSH's meaning (ssh_config(5)): "yes"
   * refuses it, "accept-new" adds it, "no" takes any. Default: "yes".
   */
  strictHostKeyChecking?: pulumi.Input<"yes" | "accept-new" | "no" | undefined>;
  /**
   * Jump host: connect to this one first and to `host` through it. Has the same fields, so it nests. Default:
   * ProxyJump of ssh_config.
   */
  proxy?: pulumi.Input<ConnectionArgs | undefined>;
}
