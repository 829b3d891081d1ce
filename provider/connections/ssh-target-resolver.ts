import { UNKNOWN_VALUE, type ConnectionInputs } from "../resource";
import { namesHosts, OpensshConfig, type KnownHost, type OpensshSettings, type SshTarget } from "../ssh";
import {
  chooseCredentials,
  readAmbientCredentials,
  type AmbientCredentials,
  type Environment,
} from "./credentials";
import type { KnownHostsByHop } from "./credential-checks";
import { jumpHostOf, type Hop } from "./jump-hosts";

/** In place of OpenSSH's own configuration files, as `ssh -F`; `none`: OpenSSH is not asked. */
const CONFIG_VARIABLE = "MULTIFUNCTION_PCI_SSH_CONFIG";

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

  async #knownHostsPlaceOf({ host, port, hostKey }: Fields): Promise<KnownHost | undefined> {
    if (typeof host !== "string" || host === UNKNOWN_VALUE) return undefined;
    if (port !== undefined && port !== null && typeof port !== "number") return undefined;
    if (typeof hostKey !== "string" || !namesHosts(hostKey)) return undefined;
    const { settings } = await this.#openssh.ask(host);
    if (settings?.hostKeyAlias !== undefined) return { host: settings.hostKeyAlias, port: 22 };
    return { host: settings?.hostName ?? host, port: port ?? settings?.port ?? 22 };
  }

  async #resolve(connection: ConnectionInputs, hop: Hop): Promise<SshTarget> {
    const settings = await this.#queryOpenssh(connection.host);
    const isJump = hop.way.length > 1;
    const jump = jumpHostOf(connection, settings, hop);
    return {
      ...nameOf(connection, settings),
      user: connection.user ?? this.#userOf(settings, hop),
      ...limitsOf(connection),
      ...chooseCredentials(connection, this.ambient, isJump ? "jump host" : "host"),
      ...this.#agentOf(connection, settings),
      ...hostKeysOf(connection, settings),
      ...identitiesOf(settings),
      ...(jump !== undefined && { proxy: await this.#resolve(jump.connection, jump.hop) }),
    };
  }

  /** What OpenSSH's configuration says of a host; undefined if it could not be asked, which is told once. */
  async #queryOpenssh(host: string): Promise<OpensshSettings | undefined> {
    const { settings, problem } = await this.#openssh.ask(host);
    if (problem !== undefined && !this.#told.has(host)) {
      this.#told.add(host);
      this.#say(`OpenSSH's configuration is not used for ${host}: "ssh -G" failed: ${problem}`);
    }
    return settings;
  }

  /**
   * `ssh -G` always names a user, and does not tell whether ssh_config names it or whether it is the login
   * name here. The login name is ssh's default, not ours, except for jump hosts that ssh_config has named.
   */
  #userOf(settings: OpensshSettings | undefined, { namedBy }: Hop): string {
    if (namedBy === "ssh_config") return settings?.user ?? this.#openssh.localUser;
    return settings === undefined || settings.user === this.#openssh.localUser ? "root" : settings.user;
  }

  #agentOf(
    connection: ConnectionInputs,
    settings: OpensshSettings | undefined,
  ): Pick<SshTarget, "agentSocketPath"> {
    const path =
      connection.agentSocketPath ?? settings?.identityAgent ?? this.#environment["SSH_AUTH_SOCK"] ?? "none";
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

function limitsOf(connection: ConnectionInputs): Pick<SshTarget, "dialErrorLimit" | "perDialTimeoutSeconds"> {
  return {
    dialErrorLimit: connection.dialErrorLimit ?? 10,
    perDialTimeoutSeconds: connection.perDialTimeout ?? 15,
  };
}

/** By which key a host is known again, and how strictly. */
function hostKeysOf(
  { hostKey, knownHostsFile, strictHostKeyChecking }: ConnectionInputs,
  settings: OpensshSettings | undefined,
): Pick<SshTarget, "hostKey" | "hostKeyAlias" | "knownHostsFiles" | "strictHostKeyChecking"> {
  const knownHostsFiles = knownHostsFile === undefined ? settings?.userKnownHostsFiles : [knownHostsFile];
  const hostKeyAlias = settings?.hostKeyAlias;
  return {
    strictHostKeyChecking: strictHostKeyChecking ?? "yes",
    ...(hostKey !== undefined && { hostKey }),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(knownHostsFiles !== undefined && { knownHostsFiles }),
  };
}

function identitiesOf(
  settings: OpensshSettings | undefined,
): Pick<SshTarget, "identityFiles" | "hasIdentitiesOnly"> {
  if (settings === undefined) return {};
  const { identityFiles, hasIdentitiesOnly } = settings;
  return { identityFiles, hasIdentitiesOnly };
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
