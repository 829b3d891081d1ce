import { providerError, printable } from "../errors";
import { UNKNOWN_VALUE, type ConnectionInputs } from "../resource";
import {
  namesHosts,
  OpensshConfig,
  type Jump,
  type KnownHostsPlace,
  type OpensshSettings,
  type SshTarget,
} from "../ssh";
import { chooseCredentials, readAmbientCredentials, type AmbientCredentials } from "./credentials";

/** In place of OpenSSH's own configuration files, as `ssh -F`; `none`: OpenSSH is not asked. */
export const CONFIG_VARIABLE = "MULTIFUNCTION_PCI_SSH_CONFIG";

/** Jump hosts that lead to jump hosts; OpenSSH itself would go round in a circle. */
const MAX_JUMPS = 10;

/** OpenSSH's configuration, as far as it is asked here. */
type Openssh = Pick<OpensshConfig, "ask" | "localUser">;

/** Who names a host: the program, or a ProxyJump of ssh_config. */
type NamedBy = "program" | "ssh_config";

interface Hop {
  readonly namedBy: NamedBy;
  /** Hosts from the program's on, as they are called. */
  readonly way: readonly string[];
}

/**
 * From the connection arguments to what is dialled. What the program gives wins; then come the stack's configuration and
 * the environment for credentials, OpenSSH's configuration for everything else, and the defaults of `@pulumi/command`.
 * Nothing of this is in inputs or outputs.
 */
export class SshTargets {
  ambient: AmbientCredentials;
  readonly #openssh: Openssh;
  readonly #say: (line: string) => void;
  readonly #told = new Set<string>();

  /** @param say told once of each host that OpenSSH could not answer for */
  constructor(
    ambient: AmbientCredentials = readAmbientCredentials(undefined, process.env),
    openssh: Openssh = new OpensshConfig({ file: process.env[CONFIG_VARIABLE] }),
    say: (line: string) => void = (line) => console.log(printable(line)),
  ) {
    this.ambient = ambient;
    this.#openssh = openssh;
    this.#say = say;
  }

  /** @throws SSH_CONFIG_UNSUPPORTED */
  async of(connection: ConnectionInputs): Promise<SshTarget> {
    return this.#of(connection, { namedBy: "program", way: [connection.host] });
  }

  /**
   * Where the hosts of a connection and its jump hosts stand in known_hosts, for each `hostKey` that names hosts. Inputs
   * that were not checked yet: what is not known, or no connection, is left out.
   */
  async hopsOf(connection: unknown): Promise<ReadonlyMap<unknown, KnownHostsPlace>> {
    const places = new Map<unknown, KnownHostsPlace>();
    for (let one = connection; isFields(one); one = one["proxy"]) {
      const { host, port, hostKey } = one;
      if (typeof host !== "string" || host === UNKNOWN_VALUE) continue;
      if (port !== undefined && port !== null && typeof port !== "number") continue;
      if (typeof hostKey !== "string" || !namesHosts(hostKey)) continue;
      const { settings } = await this.#openssh.ask(host);
      const alias = settings?.hostKeyAlias;
      const place = { host: settings?.hostName ?? host, port: port ?? settings?.port ?? 22 };
      places.set(one, alias === undefined ? place : { host: alias, port: 22 });
    }
    return places;
  }

  async #of(connection: ConnectionInputs, place: Hop): Promise<SshTarget> {
    const { settings, problem } = await this.#openssh.ask(connection.host);
    if (problem !== undefined) this.#tell(connection.host, problem);
    const isJump = place.way.length > 1;
    const credentials = chooseCredentials(connection, this.ambient, isJump ? "jump host" : "host");
    const proxy = proxyOf(connection, settings, place);
    const { hostKey } = connection;
    const hostName = settings?.hostName ?? connection.host;
    const isAlias = hostName.toLowerCase() !== connection.host.toLowerCase();
    const agentSocketPath = agentOf(connection, settings);
    const knownHostsFiles =
      connection.knownHostsFile === undefined ? settings?.userKnownHostsFiles : [connection.knownHostsFile];
    return {
      host: hostName,
      ...(isAlias && { hostAlias: connection.host }),
      port: connection.port ?? settings?.port ?? 22,
      user: connection.user ?? this.#userOf(settings, place),
      dialErrorLimit: connection.dialErrorLimit ?? 10,
      perDialTimeoutSeconds: connection.perDialTimeout ?? 15,
      strictHostKeyChecking: connection.strictHostKeyChecking ?? "yes",
      ...credentials,
      ...(agentSocketPath !== undefined && { agentSocketPath }),
      ...(hostKey !== undefined && { hostKey }),
      ...(knownHostsFiles !== undefined && { knownHostsFiles }),
      ...(settings !== undefined && {
        identityFiles: settings.identityFiles,
        hasIdentitiesOnly: settings.hasIdentitiesOnly,
        ...(settings.hostKeyAlias !== undefined && { hostKeyAlias: settings.hostKeyAlias }),
      }),
      ...(proxy !== undefined && { proxy: await this.#of(proxy.connection, proxy.place) }),
    };
  }

  /**
   * `ssh -G` names a user always, and does not tell whether ssh_config does or whether it is the login name here. That
   * one is ssh's default, not ours, except for jump hosts that ssh_config has named.
   */
  #userOf(settings: OpensshSettings | undefined, { namedBy }: Hop): string {
    if (namedBy === "ssh_config") return settings?.user ?? this.#openssh.localUser;
    return settings === undefined || settings.user === this.#openssh.localUser ? "root" : settings.user;
  }

  #tell(host: string, problem: string): void {
    if (this.#told.has(host)) return;
    this.#told.add(host);
    this.#say(`OpenSSH's configuration is not used for ${host}: "ssh -G" failed: ${problem}`);
  }
}

/** The jump host before this one: the program's, else the last of ProxyJump with the others before it. */
function proxyOf(
  connection: ConnectionInputs,
  settings: OpensshSettings | undefined,
  place: Hop,
): { readonly connection: ConnectionInputs; readonly place: Hop } | undefined {
  const next = (proxy: ConnectionInputs, namedBy: NamedBy) => ({
    connection: proxy,
    place: { namedBy, way: [...place.way, proxy.host] },
  });
  if (connection.proxy !== undefined) return next(connection.proxy, place.namedBy);
  const { host } = connection;
  if (settings?.proxyCommand !== undefined)
    throw providerError("SSH_CONFIG_UNSUPPORTED", {
      host,
      reason:
        "it sets ProxyCommand, which is not supported. Give the jump host as connection.proxy or by ProxyJump, " +
        `or set "ProxyCommand none" for this host`,
    });
  if (settings === undefined) return undefined;
  if (settings.jumps === undefined)
    throw providerError("SSH_CONFIG_UNSUPPORTED", {
      host,
      reason: "its ProxyJump cannot be read. Write it as [user@]host[:port], with commas between several",
    });
  const proxy = nest(settings.jumps, connection);
  if (proxy === undefined) return undefined;
  if (place.way.length > MAX_JUMPS)
    throw providerError("SSH_CONFIG_UNSUPPORTED", {
      host: place.way[0] ?? host,
      reason: `its ProxyJump goes round in a circle: ${place.way.slice(0, 4).join(", ")} and so on`,
    });
  return next(proxy, "ssh_config");
}

/**
 * Jump hosts as nested connections, the last one outermost. That of a host wins over its own ProxyJump, as with
 * `ssh -J`. Limits, strictness and agent are those of the host behind; host keys and users are each one's own.
 */
function nest(jumps: readonly Jump[], behind: ConnectionInputs): ConnectionInputs | undefined {
  const { dialErrorLimit, perDialTimeout, strictHostKeyChecking, agentSocketPath } = behind;
  return jumps.reduce<ConnectionInputs | undefined>(
    (proxy, jump) => ({
      ...jump,
      dialErrorLimit,
      perDialTimeout,
      strictHostKeyChecking,
      agentSocketPath,
      ...(proxy !== undefined && { proxy }),
    }),
    undefined,
  );
}

function agentOf(connection: ConnectionInputs, settings: OpensshSettings | undefined): string | undefined {
  const path = connection.agentSocketPath ?? settings?.identityAgent ?? process.env["SSH_AUTH_SOCK"];
  return path === "" || path === "none" ? undefined : path;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
