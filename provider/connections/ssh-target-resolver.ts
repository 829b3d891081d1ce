import { UNKNOWN_VALUE, type ConnectionInputs } from "../resource";
import {
  namesHosts,
  OpensshConfig,
  type KnownHost,
  type OpensshAnswer,
  type OpensshQuestion,
  type OpensshSettings,
  type SshTarget,
} from "../ssh";
import {
  chooseCredentials,
  readAmbientCredentials,
  type AmbientCredentials,
  type Environment,
} from "./credentials";
import type { KnownHostsByHop } from "./credential-checks";
import { jumpHostOf, type Hop } from "./jump-hosts";
import { requireFollowed } from "./unfollowed-options";

/** In place of OpenSSH's own configuration files, as `ssh -F`; `none`: OpenSSH is not asked. */
const CONFIG_VARIABLE = "MULTIFUNCTION_PCI_SSH_CONFIG";

/** Who logs in where neither program nor ssh_config say so, as with `@pulumi/command`. */
const DEFAULT_USER = "root";

/** OpenSSH's configuration, as far as it is asked here. */
type Openssh = Pick<OpensshConfig, "ask" | "localUser">;

/** What a {@link SshTargetResolver} needs of its process. */
export interface SshTargetResolverOptions {
  /** The process's variables: credentials, the agent's socket, and which ssh_config is asked. */
  readonly environment: Environment;
  /** Told once of each host that OpenSSH could not answer for. The line quotes OpenSSH: make it printable. */
  readonly say: (line: string) => void;
  /** Default: those of the environment alone. */
  readonly ambient?: AmbientCredentials;
  /** Default: the `ssh` of this machine. */
  readonly openssh?: Openssh;
}

/**
 * From the connection arguments to what is dialled. What the program gives wins; then come the stack's
 * configuration and the environment for credentials, OpenSSH's configuration for everything else, and the
 * defaults of `@pulumi/command`. Nothing of this is in inputs or outputs.
 */
export class SshTargetResolver {
  ambient: AmbientCredentials;
  readonly #environment: Environment;
  readonly #openssh: Openssh;
  readonly #say: (line: string) => void;
  readonly #told = new Set<string>();

  constructor({ environment, say, ambient, openssh }: SshTargetResolverOptions) {
    this.ambient = ambient ?? readAmbientCredentials(undefined, environment);
    this.#environment = environment;
    this.#openssh = openssh ?? new OpensshConfig({ file: environment[CONFIG_VARIABLE] });
    this.#say = say;
  }

  /** @throws SSH_CONFIG_UNSUPPORTED */
  async resolve(connection: ConnectionInputs): Promise<SshTarget> {
    return this.#resolve(connection, { namedBy: "program", way: [connection.host] });
  }

  /**
   * Where the hosts of a connection and its jump hosts stand in known_hosts, for each `hostKey` that names
   * hosts. Takes inputs that were not checked yet: what is not known, or no connection, is left out.
   */
  async knownHostsByHopOf(connection: unknown): Promise<KnownHostsByHop> {
    const knownHosts = new Map<unknown, KnownHost>();
    for (let one = connection; isFields(one); one = one["proxy"]) {
      const place = await this.#knownHostsPlaceOf(one);
      if (place !== undefined) knownHosts.set(one, place);
    }
    return knownHosts;
  }

  async #knownHostsPlaceOf({ host, port, user, hostKey }: Fields): Promise<KnownHost | undefined> {
    if (typeof host !== "string" || host === UNKNOWN_VALUE) return undefined;
    if (port !== undefined && port !== null && typeof port !== "number") return undefined;
    if (user !== undefined && user !== null && typeof user !== "string") return undefined;
    if (typeof hostKey !== "string" || !namesHosts(hostKey)) return undefined;
    const { settings } = await this.#ask(
      { host, user: user ?? undefined, port: port ?? undefined },
      "program",
    );
    if (settings?.hostKeyAlias !== undefined) return { host: settings.hostKeyAlias, port: 22 };
    return { host: settings?.hostName ?? host, port: port ?? settings?.port ?? 22 };
  }

  async #resolve(connection: ConnectionInputs, hop: Hop): Promise<SshTarget> {
    const { settings, user } = await this.#queryOpenssh(connection, hop);
    const isJump = hop.way.length > 1;
    const credentials = chooseCredentials(connection, this.ambient, isJump ? "jump host" : "host");
    if (settings !== undefined)
      requireFollowed(settings, connection, { hasKey: credentials.privateKey !== undefined });
    const jump = jumpHostOf(connection, settings, hop);
    return {
      ...nameOf(connection, settings),
      user,
      ...limitsOf(connection, settings),
      ...credentials,
      ...this.#agentOf(connection, settings),
      ...hostKeysOf(connection, settings),
      ...identitiesOf(settings),
      ...(jump === undefined ? routeOf(settings) : { proxy: await this.#resolve(jump.connection, jump.hop) }),
    };
  }

  /** What OpenSSH's configuration says of a host; nothing if it could not be asked, which is told once. */
  async #queryOpenssh(
    { host, user, port }: ConnectionInputs,
    { namedBy }: Hop,
  ): Promise<{ readonly settings?: OpensshSettings; readonly user: string }> {
    const { settings, problem, user: asked } = await this.#ask({ host, user, port }, namedBy);
    if (problem !== undefined && !this.#told.has(host)) {
      this.#told.add(host);
      this.#say(`OpenSSH's configuration is not used for ${host}: "ssh -G" failed: ${problem}`);
    }
    return { ...(settings !== undefined && { settings }), user: asked };
  }

  /**
   * Asks with the user that will be used, so that `Match user` and the tokens see it. `ssh -G` always names a
   * user, and does not tell whether ssh_config names it or whether it is the login name here. The login name
   * is ssh's default, not ours, except for jump hosts that ssh_config has named: so it is asked once more.
   */
  async #ask(
    question: OpensshQuestion,
    namedBy: Hop["namedBy"],
  ): Promise<OpensshAnswer & { readonly user: string }> {
    const answer = await this.#openssh.ask(question);
    if (question.user !== undefined) return { ...answer, user: question.user };
    if (namedBy === "ssh_config")
      return { ...answer, user: answer.settings?.user ?? this.#openssh.localUser };
    const configured = answer.settings?.user;
    if (configured !== undefined && configured !== this.#openssh.localUser)
      return { ...answer, user: configured };
    if (configured === undefined || configured === DEFAULT_USER) return { ...answer, user: DEFAULT_USER };
    return { ...(await this.#openssh.ask({ ...question, user: DEFAULT_USER })), user: DEFAULT_USER };
  }

  #agentOf(
    connection: ConnectionInputs,
    settings: OpensshSettings | undefined,
  ): Pick<SshTarget, "agentSocketPath"> {
    const ambient =
      settings?.areKeysOffered === false
        ? "none"
        : (settings?.identityAgent ?? this.#environment["SSH_AUTH_SOCK"] ?? "none");
    const path = connection.agentSocketPath ?? ambient;
    return path === "" || path === "none" ? {} : { agentSocketPath: path };
  }
}

/** Under which name and port a host is dialled, and how it is called. */
function nameOf(
  connection: ConnectionInputs,
  settings: OpensshSettings | undefined,
): Pick<SshTarget, "host" | "hostAlias" | "port"> {
  const host = settings?.hostName ?? connection.host;
  const isAlias = host.toLowerCase() !== connection.host.toLowerCase();
  return {
    host,
    ...(isAlias && { hostAlias: connection.host }),
    port: connection.port ?? settings?.port ?? 22,
  };
}

function limitsOf(
  connection: ConnectionInputs,
  settings: OpensshSettings | undefined,
): Pick<SshTarget, "dialErrorLimit" | "perDialTimeoutSeconds"> {
  return {
    dialErrorLimit: connection.dialErrorLimit ?? 10,
    perDialTimeoutSeconds: connection.perDialTimeout ?? settings?.connectTimeoutSeconds ?? 15,
  };
}

/** By which key a host is known again, and how strictly. */
function hostKeysOf(
  { hostKey, knownHostsFile, strictHostKeyChecking }: ConnectionInputs,
  settings: OpensshSettings | undefined,
): Pick<
  SshTarget,
  "hostKey" | "hostKeyAlias" | "hostKeyRules" | "knownHostsFiles" | "strictHostKeyChecking"
> {
  const knownHostsFiles = knownHostsFile === undefined ? settings?.userKnownHostsFiles : [knownHostsFile];
  const hostKeyAlias = settings?.hostKeyAlias;
  return {
    strictHostKeyChecking: strictHostKeyChecking ?? "yes",
    ...(hostKey !== undefined && { hostKey }),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(knownHostsFiles !== undefined && { knownHostsFiles }),
    ...(settings !== undefined && { hostKeyRules: settings.hostKeyRules }),
  };
}

function identitiesOf(
  settings: OpensshSettings | undefined,
): Pick<SshTarget, "identityFiles" | "hasIdentitiesOnly" | "certificateFiles" | "acceptedKeyAlgorithms"> {
  if (settings === undefined) return {};
  const { identityFiles, hasIdentitiesOnly, certificateFiles, areKeysOffered, acceptedKeyAlgorithms } =
    settings;
  return {
    identityFiles: areKeysOffered ? identityFiles : [],
    hasIdentitiesOnly,
    ...(certificateFiles.length > 0 && { certificateFiles }),
    ...(acceptedKeyAlgorithms !== undefined && { acceptedKeyAlgorithms }),
  };
}

function routeOf(settings: OpensshSettings | undefined): Pick<SshTarget, "route"> {
  const route = settings?.route;
  return route === undefined || Object.keys(route).length === 0 ? {} : { route };
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
