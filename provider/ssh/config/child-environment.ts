/**
 * Beginnings of the names of variables that no other program is given. This provider's own hold credentials;
 * those of Pulumi hold its access token, the passphrase of the stack's secrets and, for some programs, the
 * stack's configuration with its secrets in plain text (PULUMI_CONFIG). Nothing that is started here needs
 * any of them.
 */
const OWN_BEGINNINGS = ["MULTIFUNCTION_PCI_", "PULUMI_"] as const;

/** An environment as Node has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment for programs that this provider starts, and for what they start (`Match exec`), and for
 * everything else that is filled in by OpenSSH's configuration (`${VARIABLE}`): without what is Pulumi's and
 * this provider's alone.
 */
export function childEnvironment(environment: Environment): Environment {
  const isKept = (name: string): boolean =>
    OWN_BEGINNINGS.every((beginning) => !name.toUpperCase().startsWith(beginning));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isKept(name)));
}
