import { findExpandedPath, type PathTokens } from "./expand-path";
import { findJumps, type Jump } from "./proxy-jump";

/** What OpenSSH's configuration says of one host, as far as it is used here. */
export interface OpensshSettings {
  readonly hostName: string;
  readonly port: number;
  /** That of the configuration, else the login name on this machine: `ssh -G` does not tell which. */
  readonly user: string;
  /** In the order in which they are tried. Most are not there: OpenSSH names its default ones. */
  readonly identityFiles: readonly string[];
  /** An agent's keys are used only where an identity file is their other half. */
  readonly hasIdentitiesOnly: boolean;
  /** Path of an agent's socket; `none` where no agent is to be asked. */
  readonly identityAgent?: string;
  /** As written, `none` and `/dev/null` included. */
  readonly userKnownHostsFiles: readonly string[];
  /** The name under which the host stands in known_hosts. */
  readonly hostKeyAlias?: string;
  /** In the order in which they are gone through; undefined where ProxyJump cannot be read. */
  readonly jumps: readonly Jump[] | undefined;
  readonly proxyCommand?: string;
}

/** This machine's part of {@link PathTokens}. */
export type LocalTokens = Omit<PathTokens, "hostAlias" | "hostName" | "port" | "user">;

/**
 * Reads what `ssh -G` prints: a keyword in lower case and its value on each line, some keywords several
 * times.
 *
 * @param hostAlias the host that was asked for
 * @returns undefined where this is no such answer
 */
export function findOpensshSettings(
  printed: string,
  hostAlias: string,
  local: LocalTokens,
): OpensshSettings | undefined {
  const values = readLines(printed);
  const first = (keyword: string): string | undefined => values.get(keyword)?.[0];
  const hostName = first("hostname");
  const user = first("user");
  const port = Number(first("port"));
  if (hostName === undefined || user === undefined || !(port >= 1 && port <= 65535)) return undefined;
  const tokens: PathTokens = { ...local, hostAlias, hostName, port, user };
  const identityAgent = findAgent(first("identityagent"), tokens);
  const hostKeyAlias = first("hostkeyalias");
  const proxyCommand = first("proxycommand");
  return {
    hostName,
    port,
    user,
    identityFiles: (values.get("identityfile") ?? [])
      .filter((path) => path !== "none")
      .flatMap((path) => findExpandedPath(path, tokens) ?? []),
    hasIdentitiesOnly: first("identitiesonly") === "yes",
    ...(identityAgent !== undefined && { identityAgent }),
    userKnownHostsFiles: splitPaths(first("userknownhostsfile") ?? ""),
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    jumps: findJumps(first("proxyjump") ?? ""),
    ...(proxyCommand !== undefined && proxyCommand !== "none" && { proxyCommand }),
  };
}

function readLines(printed: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const line of printed.split("\n")) {
    const [, keyword, value] = /^(\S+) (.*?)\r?$/.exec(line) ?? [];
    if (keyword === undefined || value === undefined || value === "") continue;
    const name = keyword.toLowerCase();
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return values;
}

/** `SSH_AUTH_SOCK` and `$VARIABLE` name a variable of the environment (ssh_config(5), IdentityAgent). */
function findAgent(written: string | undefined, tokens: PathTokens): string | undefined {
  if (written === undefined || written === "none") return written;
  if (written === "SSH_AUTH_SOCK") return tokens.environment[written];
  if (/^\$\w+$/.test(written)) return tokens.environment[written.slice(1)];
  return findExpandedPath(written, tokens);
}

/**
 * Printed with blanks between them and without quotes; each is absolute, so what is not belongs to the one
 * before.
 */
function splitPaths(printed: string): readonly string[] {
  const paths: string[] = [];
  for (const word of printed.split(" ")) {
    const before = paths.pop();
    if (before === undefined || before === "" || /^[/~]|^none$/.test(word))
      paths.push(...(before === undefined || before === "" ? [] : [before]), word);
    else paths.push(`${before} ${word}`);
  }
  return paths.filter((path) => path !== "");
}
