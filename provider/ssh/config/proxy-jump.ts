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
 * @returns undefined where it cannot be read
 */
export function findJumps(text: string): readonly Jump[] | undefined {
  const written = text.trim();
  if (written === "" || written.toLowerCase() === "none") return [];
  const jumps = written.split(",").map(findJump);
  return jumps.every((jump) => jump !== undefined) ? jumps : undefined;
}

function findJump(text: string): Jump | undefined {
  const bare = text.trim().replace(/^ssh:\/\//i, "");
  // the last @ ends the user's name, as in OpenSSH (misc.c: parse_user_host_port)
  const [, user, bracketed, plain, digits] =
    /^(?:(.+)@)?(?:\[([^\]@]+)\]|([^:@[\]]+))(?::(\d{1,5}))?\/?$/.exec(bare) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65535))) return undefined;
  return { host, ...(port !== undefined && { port }), ...(user !== undefined && { user }) };
}
