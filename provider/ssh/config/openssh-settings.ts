import { hostKeyRulesOf, type HostKeyRules } from "./host-key-rules";
import { Expander, OpensshValues, type Unfollowed } from "./openssh-values";
import { findJumps, type Jump } from "./proxy-jump";
import { routeOf, type Route } from "./route";
import type { TokenValues } from "./tokens";

/** What OpenSSH's configuration says of one host, as far as it is used here. */
export interface OpensshSettings {
  readonly hostName: string;
  readonly port: number;
  /**
   * The one that was asked with, else that of the configuration, else the login name on this machine: `ssh
   * -G` does not tell which.
   */
  readonly user: string;
  /** In the order in which they are tried. Most are not there: OpenSSH names its default ones. */
  readonly identityFiles: readonly string[];
  /** An agent's keys are used only where an identity file is their other half. */
  readonly hasIdentitiesOnly: boolean;
  /** Certificates beside those that stand next to an identity file. */
  readonly certificateFiles: readonly string[];
  /** Whether PubkeyAuthentication and PreferredAuthentications leave logins by keys. */
  readonly areKeysOffered: boolean;
  /** Algorithms with which a key may sign; undefined where it is not said. */
  readonly acceptedKeyAlgorithms?: readonly string[];
  /** Path of an agent's socket; `none` where no agent is to be asked. */
  readonly identityAgent?: string;
  /** As written, `none` and `/dev/null` included. */
  readonly userKnownHostsFiles: readonly string[];
  /** The name under which the host stands in known_hosts. */
  readonly hostKeyAlias?: string;
  readonly hostKeyRules: HostKeyRules;
  readonly route: Route;
  /** In the order in which they are gone through; undefined where ProxyJump cannot be read. */
  readonly jumps: readonly Jump[] | undefined;
  /** ConnectTimeout */
  readonly connectTimeoutSeconds?: number;
  /** What cannot be followed: whoever needs one of the options must not go on without it. */
  readonly unfollowed: readonly Unfollowed[];
}

/** This machine's part of what tokens stand for. */
export interface LocalTokens {
  /** `~` and `%d`: the home directory. */
  readonly home: string;
  /** `%u`: the user on this machine. */
  readonly localUser: string;
  /** `%i` */
  readonly localUserId: number;
  /** `%l`: this machine's name; `%L` is its first part. */
  readonly localHostName: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads what `ssh -G -o ControlPath=%C` prints.
 *
 * @param hostAlias the host that was asked for
 * @returns undefined where this is no such answer
 */
export function findOpensshSettings(
  printed: string,
  hostAlias: string,
  local: LocalTokens,
): OpensshSettings | undefined {
  const values = new OpensshValues(printed);
  const [hostName, user] = [values.first("hostname"), values.first("user")];
  const port = Number(values.first("port"));
  if (hostName === undefined || user === undefined || !(port >= 1 && port <= 65535)) return undefined;
  const expander = new Expander(tokensOf(values, hostAlias, local), local.home, local.environment);
  const identityAgent = findAgent(values.first("identityagent"), expander);
  const hostKeyAlias = values.first("hostkeyalias");
  const connectTimeoutSeconds = values.number("connecttimeout");
  const acceptedKeyAlgorithms =
    values.list("pubkeyacceptedalgorithms") ?? values.list("pubkeyacceptedkeytypes");
  const settings: Omit<OpensshSettings, "unfollowed"> = {
    hostName,
    port,
    user,
    identityFiles: expander.paths("IdentityFile", values.all("identityfile")),
    hasIdentitiesOnly: values.isOn("identitiesonly"),
    certificateFiles: expander.paths("CertificateFile", values.all("certificatefile")),
    areKeysOffered: areKeysOffered(values),
    ...(acceptedKeyAlgorithms !== undefined && { acceptedKeyAlgorithms }),
    ...(identityAgent !== undefined && { identityAgent }),
    userKnownHostsFiles: values.paths("userknownhostsfile"),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    hostKeyRules: hostKeyRulesOf(values, expander),
    route: routeOf(values, expander),
    jumps: findJumps(values.first("proxyjump") ?? "", (text) => expander.proxy("ProxyJump", text)),
    ...(connectTimeoutSeconds !== undefined && { connectTimeoutSeconds }),
  };
  return { ...settings, unfollowed: expander.unfollowed };
}

function tokensOf(values: OpensshValues, hostAlias: string, local: LocalTokens): TokenValues {
  // the hash of this ssh's own: what goes into it differs between releases
  const hash = /^[0-9a-f]{40,64}$/.exec(values.first("controlpath") ?? "")?.[0];
  const [jump = ""] = /[^,]*$/.exec(values.firstOrNone("proxyjump") ?? "") ?? [];
  return {
    d: local.home,
    n: hostAlias,
    k: values.first("hostkeyalias") ?? hostAlias,
    h: values.first("hostname") ?? hostAlias,
    p: values.first("port") ?? "",
    r: values.first("user") ?? "",
    u: local.localUser,
    i: String(local.localUserId),
    l: local.localHostName,
    L: local.localHostName.split(".")[0] ?? "",
    j: findJumps(jump)?.[0]?.host ?? "",
    ...(hash !== undefined && { C: hash }),
  };
}

/** `SSH_AUTH_SOCK` and `$VARIABLE` name a variable of the environment (ssh_config(5), IdentityAgent). */
function findAgent(written: string | undefined, expander: Expander): string | undefined {
  if (written === undefined || written === "none") return written;
  if (written === "SSH_AUTH_SOCK") return expander.environment[written];
  if (/^\$\w+$/.test(written)) return expander.environment[written.slice(1)];
  return expander.path("IdentityAgent", written);
}

function areKeysOffered(values: OpensshValues): boolean {
  if (values.isOff("pubkeyauthentication")) return false;
  return values.list("preferredauthentications")?.includes("publickey") ?? true;
}
