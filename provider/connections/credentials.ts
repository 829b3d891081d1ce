import { PROGRAM_SOURCES, type CredentialSources, type PrivateKeyText } from "../ssh";

/** The credentials that may come from elsewhere than the program. */
type CredentialName = "privateKey" | "privateKeyPassword" | "password";

/** Namespace of the package's keys in a stack's configuration. */
const NAMESPACE = "multifunction-pci";

const VARIABLES: Readonly<Record<CredentialName, string>> = {
  privateKey: "MULTIFUNCTION_PCI_PRIVATE_KEY",
  privateKeyPassword: "MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD",
  password: "MULTIFUNCTION_PCI_PASSWORD",
};

/** A credential and where it came from, in words for messages. */
interface Credential {
  readonly text: string;
  readonly source: string;
}

/** What stack and environment have of each; it is never part of inputs or outputs. */
export interface AmbientCredentials extends Readonly<Partial<Record<CredentialName, Credential>>> {
  /** The environment's key where the configuration has one too, which may be that of the last `up` (docs/internals/pulumi.md). */
  readonly spareKey?: PrivateKeyText;
}

/** The credentials of one host: the program's, and in place of those that it does not give the ambient ones. */
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

/**
 * Reads the credentials of the stack's configuration, and of the environment where the configuration has none.
 *
 * @param config undefined in a process that was not configured
 */
export function readAmbientCredentials(
  config: StackConfig | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): AmbientCredentials {
  const configured = (name: CredentialName): Credential | undefined => {
    const key = `${NAMESPACE}:${name}`;
    return credentialOf(config?.get(key), `${key} in the stack's configuration`);
  };
  const exported = (name: CredentialName): Credential | undefined =>
    credentialOf(environment[VARIABLES[name]], `the environment variable ${VARIABLES[name]}`);
  const names: readonly CredentialName[] = ["privateKey", "privateKeyPassword", "password"];
  const found = names.flatMap((name) => {
    const one = configured(name) ?? exported(name);
    return one === undefined ? [] : [[name, one] as const];
  });
  const [key, behind] = [configured("privateKey"), exported("privateKey")];
  const hasSpare = key !== undefined && behind !== undefined && behind.text !== key.text;
  const passphrase = exported("privateKeyPassword") ?? configured("privateKeyPassword");
  const passphraseSource = passphrase?.source ?? passphraseBeside(behind);
  return {
    ...Object.fromEntries(found),
    ...(hasSpare && { spareKey: { ...behind, passphrase: passphrase?.text, passphraseSource } }),
  };
}

function credentialOf(text: string | undefined, source: string): Credential | undefined {
  return text === undefined || text === "" ? undefined : { text, source };
}

/**
 * Chooses, for each credential by itself. An ambient password is for the host alone: a jump host that asks for one would
 * be told it.
 */
export function chooseCredentials(
  given: Readonly<Partial<Record<CredentialName, string | undefined>>>,
  ambient: AmbientCredentials,
  place: "host" | "jump host",
): ChosenCredentials {
  const privateKey = given.privateKey ?? ambient.privateKey?.text;
  const privateKeyPassword = given.privateKeyPassword ?? ambient.privateKeyPassword?.text;
  const password = given.password ?? (place === "host" ? ambient.password?.text : undefined);
  const isOwn = (name: CredentialName): boolean => given[name] !== undefined;
  const sources: CredentialSources = {
    privateKey: (isOwn("privateKey") ? undefined : ambient.privateKey?.source) ?? PROGRAM_SOURCES.privateKey,
    privateKeyPassword:
      (isOwn("privateKeyPassword") ? undefined : ambient.privateKeyPassword?.source) ??
      passphraseBeside(isOwn("privateKey") ? undefined : ambient.privateKey),
  };
  return {
    ...(privateKey !== undefined && { privateKey }),
    ...(privateKeyPassword !== undefined && { privateKeyPassword }),
    ...(password !== undefined && { password }),
    ...(!isOwn("privateKey") && ambient.spareKey !== undefined && { spareKeys: [ambient.spareKey] }),
    sources,
  };
}

/** Where the passphrase of a key would stand: beside the key. */
function passphraseBeside(privateKey: Credential | undefined): string {
  if (privateKey === undefined) return PROGRAM_SOURCES.privateKeyPassword;
  return privateKey.source
    .replace(`${NAMESPACE}:privateKey`, `${NAMESPACE}:privateKeyPassword`)
    .replace(VARIABLES.privateKey, VARIABLES.privateKeyPassword);
}
