/** What the tokens of ssh_config stand for, on this machine and for one host. */
export interface PathTokens {
  /** `~` and `%d`: the home directory. */
  readonly home: string;
  /** `%n`: the host as it was asked for. */
  readonly hostAlias: string;
  /** `%h`: HostName. */
  readonly hostName: string;
  readonly port: number;
  /** `%r`: the user on the host. */
  readonly user: string;
  /** `%u`: the user on this machine. */
  readonly localUser: string;
  /** `%i` */
  readonly localUserId: number;
  /** `%l`: this machine's name; `%L` is its first part. */
  readonly localHostName: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * A path as `ssh -G` prints it for IdentityFile, which it leaves as it is written: with `~`, tokens
 * (ssh_config(5), TOKENS) and `${VARIABLE}` replaced.
 *
 * @returns undefined where a part cannot be replaced: such a file is taken for one that is not there
 */
export function findExpandedPath(written: string, tokens: PathTokens): string | undefined {
  const values: Readonly<Record<string, string>> = {
    "%": "%",
    d: tokens.home,
    n: tokens.hostAlias,
    h: tokens.hostName,
    p: String(tokens.port),
    r: tokens.user,
    u: tokens.localUser,
    i: String(tokens.localUserId),
    l: tokens.localHostName,
    L: tokens.localHostName.split(".")[0] ?? "",
  };
  const missing: string[] = [];
  const path = written
    .replace(/^~(?=\/|$)/, () => tokens.home)
    .replace(/\$\{(\w+)\}|%(.?)/g, (all, variable: string | undefined, token: string | undefined) => {
      const value = variable === undefined ? values[token ?? ""] : tokens.environment[variable];
      if (value === undefined) missing.push(all);
      return value ?? "";
    });
  return missing.length > 0 || path.startsWith("~") ? undefined : path;
}
