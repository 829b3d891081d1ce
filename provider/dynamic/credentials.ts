import type { Config } from "@pulumi/pulumi/dynamic";
import { PROGRAM_SOURCES, type CredentialSources } from "../ssh";

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

/** What stack and environment have of each; it is never part of inputs, outputs or state. */
export type AmbientCredentials = Readonly<Partial<Record<CredentialName, Credential>>>;

/** The credentials of one host: the program's, and in place of those that it does not give the ambient ones. */
export interface ChosenCredentials {
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly password?: string;
  readonly sources: CredentialSources;
}

/**
 * Reads the credentials of the stack's configuration, and of the environment where the configuration has none.
 *
 * @param config undefined in a process that was not configured
 */
export function readAmbientCredentials(
  config: Pick<Config, "get"> | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): AmbientCredentials {
  const find = (name: CredentialName): Credential | undefined => {
    const key = `${NAMESPACE}:${name}`;
    const configured = config?.get(key);
    if (configured !== undefined && configured !== "")
      return { text: configured, source: `${key} in the stack's configuration` };
    const variable = VARIABLES[name];
    const exported = environment[variable];
    if (exported === undefined || exported === "") return undefined;
    return { text: exported, source: `the environment variable ${variable}` };
  };
  const names: readonly CredentialName[] = ["privateKey", "privateKeyPassword", "password"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = find(name);
      return found === undefined ? [] : [[name, found]];
    }),
  );
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
