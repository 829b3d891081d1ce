/** What each token of ssh_config stands for (ssh_config(5), TOKENS), by its letter. */
export type TokenValues = Readonly<Record<string, string>>;

/** An environment as Node has it. */
type Variables = Readonly<Record<string, string | undefined>>;

/** What a value comes to, or why it comes to nothing. */
export type Expansion = { readonly text: string } | { readonly problem: string };

/** The tokens of ProxyCommand and ProxyJump; every other option takes all that there are. */
export const PROXY_TOKENS: readonly string[] = ["h", "k", "n", "p", "r"];

/**
 * A value with its tokens and, where the option takes them, its `${VARIABLES}` replaced, in one pass
 * (OpenSSH, misc.c: vdollar_percent_expand). OpenSSH ends where a token or a variable stands for nothing;
 * here that is a problem, for whoever needs the option.
 *
 * @param variables - left out where the option takes none
 */
export function expandTokens(written: string, values: TokenValues, variables?: Variables): Expansion {
  let problem: string | undefined;
  const replaceVariable = (name: string, all: string): string => {
    const value = name === "" ? undefined : variables?.[name];
    if (value === undefined) problem ??= `${all} is not set, or is kept from what this provider starts`;
    return value ?? "";
  };
  const replaceToken = (letter: string): string => {
    if (letter === "%") return "%";
    const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
    if (value === undefined) problem ??= `%${letter} stands for nothing there`;
    return value ?? "";
  };
  const pattern = variables === undefined ? /%(.?)/gsu : /\$\{([^}]*)\}?|%(.?)/gsu;
  const text = written.replace(pattern, (all: string, first: string | undefined, second: unknown) => {
    if (!all.startsWith("$")) return replaceToken((variables === undefined ? first : second) as string);
    return replaceVariable(all.endsWith("}") ? (first ?? "") : "", all);
  });
  return problem === undefined ? { text } : { problem };
}

/**
 * A path with `~` replaced as well, which comes first.
 *
 * @param home - the home directory of the user on this machine
 */
export function expandPath(
  written: string,
  home: string,
  values: TokenValues,
  variables: Variables,
): Expansion {
  const [, another] = /^~([^/]+)/.exec(written) ?? [];
  if (another !== undefined) return { problem: `~${another} is another user's home, which is not looked up` };
  // a replacement by a function: a home may have dollar signs in it
  return expandTokens(
    written.replace(/^~\/*/, () => `${home}/`),
    values,
    variables,
  );
}

/**
 * A command as an argument vector, as OpenSSH splits it (misc.c: argv_split): blanks outside of quotes part
 * the words, a backslash takes the meaning from a quote, a backslash and, outside of quotes, a blank.
 *
 * @returns undefined where a quote is not closed
 */
export function splitCommand(command: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < command.length; at += 1) {
    const sign = command.charAt(at);
    const next = command.charAt(at + 1);
    if (sign === "\\" && (/["'\\]/.test(next) || (quote === "" && next === " "))) {
      word = (word ?? "") + next;
      at += 1;
    } else if (quote === "" && (sign === " " || sign === "\t")) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === "" && (sign === '"' || sign === "'")) {
      quote = sign;
      word ??= "";
    } else if (sign === quote) {
      quote = "";
    } else {
      word = (word ?? "") + sign;
    }
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}
