/** What a value of a program's first lines may be; a list becomes an array of bash. */
export type ShellValue = string | number | readonly string[];

/** A program that is sent to a host: the text of its script, and what goes into that. */
export interface BashProgramParts {
  readonly script: string;
  /** Texts of the scripts that it sources, or that these source, by their names. */
  readonly sourced: Readonly<Record<string, string>>;
  /** What its first lines assign; each stands there as `NAME=`, or as `NAME=()`. */
  readonly values: Readonly<Record<string, ShellValue>>;
}

/**
 * Puts a program together: the scripts that it sources in the places of those lines, its values filled in,
 * without lines of comments and empty lines.
 *
 * @throws RangeError if the script has no place for a value, or sources what is not given
 */
export function bashProgram({ script, sourced, values }: BashProgramParts): string {
  const put = (text: string): string =>
    text.replace(/^\. (\S+)\n/gm, (_line, name: string) => {
      const found = sourced[name];
      if (found === undefined) throw new RangeError(`there is no ${name} to source`);
      return put(found);
    });
  const filled = Object.entries(values).reduce(fillIn, put(script));
  return filled.replace(/^[ ]*(#.*)?\n/gm, "");
}

function fillIn(text: string, [name, value]: [string, ShellValue]): string {
  const empty = `\n${name}=${typeof value === "object" ? "()" : ""}\n`;
  if (text.split(empty).length !== 2) throw new RangeError(`the program does not have ${name}= once`);
  return text.replace(empty, () => `\n${name}=${literal(value)}\n`);
}

function literal(value: ShellValue): string {
  if (typeof value === "object") return `(${value.map(literal).join(" ")})`;
  return `'${String(value).replaceAll("'", "'\\''")}'`;
}

/**
 * The command that starts a program, which is sent on standard input and has to be ASCII. Single quotes are
 * literal to sh, bash, ksh, zsh and fish alike, whichever the login shell is. The length is given because
 * bash reads up to a delimiter byte by byte, but a length in large pieces. With -p bash takes nothing of the
 * environment for its own: no functions, options (SHELLOPTS, BASHOPTS) or files (BASH_ENV).
 *
 * @param mark name of a variable that is `loaded` for the program, and only if this command has started it
 */
export function bashCommand(program: string, mark?: string): string {
  const marked = mark === undefined ? "" : `${mark}=loaded && `;
  return (
    `exec bash --norc --noprofile -p -c ` +
    `'IFS= read -r -N ${program.length} program && ${marked}eval "$program"'`
  );
}
