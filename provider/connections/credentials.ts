import type { CredentialSources, PrivateKeyText } from "../ssh";

/** The credentials that may come from elsewhere than the program. */
const NAMES = ["privateKey", "privateKeyPassword", "password"] as const;
type CredentialName = (typeof NAMES)[number];

/** Namespace of the package's keys in a stack's configuration. */
const NAMESPACE = "multifunction-pci";

const VARIABLES: Readonly<Record<CredentialName, string>> = {
  privateKey: "MULTIFUNCTION_PCI_PRIVATE_KEY",
  privateKeyPassword: "MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD",
  password: "MULTIFUNCTION_PCI_PASSWORD",
};

/** Which credential, and who gives it. */
interface CredentialOrigin {
  readonly from: "program" | "stack" | "environment";
  readonly name: CredentialName;
}

/** A credential that stack or environment give. */
interface Credential extends CredentialOrigin {
  readonly text: string;
}

/** What stack and environment have of each credential; it is never part of inputs or outputs. */
export interface AmbientCredentials extends Readonly<Partial<Record<CredentialName, Credential>>> {
  /**
   * The environment's key if the configuration has a key too, which may be that of the last `up`
   * (docs/internals/pulumi.md).
   */
  readonly spareKey?: PrivateKeyText;
}

/**
 * The credentials of one host: the program's, and in place of those that it does not give the ambient ones.
 */
export interface ChosenCredentials {
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly password?: string;
  readonly sources: CredentialSources;
  readonly spareKeys?: readonly PrivateKeyText[];
}

/** The stack's configuration, by whole keys: `multifunction-pci:password`. */
export interface StackConfig {
  get(key: string): string | undefined;
}

/** Variables of a process: `process.env`, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the credentials of the stack's configuration, and those of the environment that the configuration
 * does not have.
 *
 * @param config undefined in a process that was not configured
 */
export function readAmbientCredentials(
  config: StackConfig | undefined,
  environment: Environment,
): AmbientCredentials {
  const configured = (name: CredentialName): Credential | undefined =>
    credentialOf(config?.get(`${NAMESPACE}:${name}`), { from: "stack", name });
  const exported = (name: CredentialName): Credential | undefined =>
    credentialOf(environment[VARIABLES[name]], { from: "environment", name });
  const found = NAMES.flatMap((name) => configured(name) ?? exported(name) ?? []);
  const [key, spare] = [configured("privateKey"), exported("privateKey")];
  const hasSpare = key !== undefined && spare !== undefined && spare.text !== key.text;
  const passphrase = exported("privateKeyPassword") ?? configured("privateKeyPassword");
  return {
    ...Object.fromEntries(found.map((one) => [one.name, one])),
    ...(hasSpare && { spareKey: privateKeyText(spare, passphrase) }),
  };
}

/**
 * Chooses, for each credential by itself. An ambient password is for the host alone: a jump host that asks
 * for a password would be told it.
 */
export function chooseCredentials(
  given: Readonly<Partial<Record<CredentialName, string | undefined>>>,
  ambient: AmbientCredentials,
  place: "host" | "jump host",
): ChosenCredentials {
  const isOwn = (name: CredentialName): boolean => given[name] !== undefined;
  const privateKey = given.privateKey ?? ambient.privateKey?.text;
  const privateKeyPassword = given.privateKeyPassword ?? ambient.privateKeyPassword?.text;
  const password = given.password ?? (place === "host" ? ambient.password?.text : undefined);
  return {
    ...(privateKey !== undefined && { privateKey }),
    ...(privateKeyPassword !== undefined && { privateKeyPassword }),
    ...(password !== undefined && { password }),
    ...(!isOwn("privateKey") && ambient.spareKey !== undefined && { spareKeys: [ambient.spareKey] }),
    sources: sourcesOf(
      isOwn("privateKey") ? undefined : ambient.privateKey,
      isOwn("privateKeyPassword") ? undefined : ambient.privateKeyPassword,
    ),
  };
}

/** Where key and passphrase come from, in words; undefined is the program's. */
function sourcesOf(key: Credential | undefined, passphrase: Credential | undefined): CredentialSources {
  const keyOrigin = key ?? ({ from: "program", name: "privateKey" } as const);
  return {
    privateKey: describeOrigin(keyOrigin),
    privateKeyPassword: describeOrigin(passphrase ?? passphraseBeside(keyOrigin)),
  };
}

function credentialOf(text: string | undefined, origin: CredentialOrigin): Credential | undefined {
  return text === undefined || text === "" ? undefined : { text, ...origin };
}

function privateKeyText(key: Credential, passphrase: Credential | undefined): PrivateKeyText {
  return {
    text: key.text,
    source: describeOrigin(key),
    passphrase: passphrase?.text,
    passphraseSource: describeOrigin(passphrase ?? passphraseBeside(key)),
  };
}

/** Where the passphrase of a key would stand: beside the key. */
function passphraseBeside({ from }: CredentialOrigin): CredentialOrigin {
  return { from, name: "privateKeyPassword" };
}

/** Where a credential stands, in words for messages. */
function describeOrigin({ from, name }: CredentialOrigin): string {
  switch (from) {
    case "program":
      return `connection.${name}`;
    case "stack":
      return `${NAMESPACE}:${name} in the stack's configuration`;
    case "environment":
      return `the environment variable ${VARIABLES[name]}`;
  }
}
