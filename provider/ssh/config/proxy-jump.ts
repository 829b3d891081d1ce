/** One jump host as ssh_config names it. */
export interface Jump {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
}

/**
 * Reads the value of ProxyJump: `[user@]host[:port]` or `ssh://…`, separated by commas, in the order in which
 * they are gone through. `none` is none.
 *
 * @param expand - replaces the tokens of a user or a host; undefined where it cannot
 * @returns undefined where it cannot be read
 */
export function findJumps(
  text: string,
  expand: (text: string) => string | undefined = (plain) => plain,
): readonly Jump[] | undefined {
  const written = text.trim();
  if (written === "" || written.toLowerCase() === "none") return [];
  const jumps = written.split(",").map((one) => findJump(one, expand));
  return jumps.every((jump) => jump !== undefined) ? jumps : undefined;
}

function findJump(text: string, expand: (text: string) => string | undefined): Jump | undefined {
  const bare = text.trim().replace(/^ssh:\/\//i, "");
  // the last @ ends the user's name, as in OpenSSH (misc.c: parse_user_host_port)
  const [, writtenUser, bracketed, plain, digits] =
    /^(?:(.+)@)?(?:\[([^\]@]+)\]|([^:@[\]]+))(?::(\d{1,5}))?\/?$/.exec(bare) ?? [];
  const writtenHost = bracketed ?? plain;
  if (writtenHost === undefined) return undefined;
  const host = expand(writtenHost);
  const user = writtenUser === undefined ? undefined : expand(writtenUser);
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || (writtenUser !== undefined && user === undefined)) return undefined;
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  return { host, ...(port !== undefined && { port }), ...(user !== undefined && { user }) };
}
