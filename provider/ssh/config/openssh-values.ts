import { expandPath, expandTokens, PROXY_TOKENS, type Expansion, type TokenValues } from "./tokens";

/** What `ssh -G` prints: a keyword in lower case and its value on each line, some keywords several times. */
export class OpensshValues {
  readonly #values = new Map<string, string[]>();

  constructor(printed: string) {
    for (const line of printed.split("\n")) {
      const [, keyword, value] = /^(\S+) (.*?)\r?$/.exec(line) ?? [];
      if (keyword === undefined || value === undefined || value === "") continue;
      const name = keyword.toLowerCase();
      const known = this.#values.get(name);
      if (known === undefined) this.#values.set(name, [value]);
      else known.push(value);
    }
  }

  first(keyword: string): string | undefined {
    return this.#values.get(keyword)?.[0];
  }

  /** As {@link first}, but `none` is no value. */
  firstOrNone(keyword: string): string | undefined {
    const value = this.first(keyword);
    return value?.toLowerCase() === "none" ? undefined : value;
  }

  all(keyword: string): readonly string[] {
    return (this.#values.get(keyword) ?? []).filter((value) => value.toLowerCase() !== "none");
  }

  /** Releases of OpenSSH print either word. */
  isOn(keyword: string): boolean {
    return ["yes", "true"].includes(this.first(keyword) ?? "");
  }

  isOff(keyword: string): boolean {
    return ["no", "false"].includes(this.first(keyword) ?? "");
  }

  /** A number above zero; undefined for `none` and where there is none. */
  number(keyword: string): number | undefined {
    const value = Number(this.first(keyword));
    return Number.isInteger(value) && value > 0 ? value : undefined;
  }

  list(keyword: string): readonly string[] | undefined {
    return this.first(keyword)
      ?.split(",")
      .filter((name) => name !== "");
  }

  /**
   * Paths on one line, printed with blanks between them and without quotes. Each is absolute, so what is not
   * belongs to the one before.
   */
  paths(keyword: string): readonly string[] {
    const paths: string[] = [];
    for (const word of (this.first(keyword) ?? "").split(" ")) {
      const before = paths.pop();
      if (before === undefined || before === "" || /^[/~]|^none$/.test(word))
        paths.push(...(before === undefined || before === "" ? [] : [before]), word);
      else paths.push(`${before} ${word}`);
    }
    return paths.filter((path) => path !== "");
  }
}

/** An option of ssh_config that cannot be followed, and why; for whoever needs it. */
export interface Unfollowed {
  /** As ssh_config(5) writes it: `IdentityFile`. */
  readonly keyword: string;
  readonly reason: string;
}

/** Replaces what `ssh -G` prints as it is written, and keeps account of what cannot be replaced. */
export class Expander {
  readonly unfollowed: Unfollowed[] = [];

  constructor(
    readonly tokens: TokenValues,
    private readonly home: string,
    readonly environment: Readonly<Record<string, string | undefined>>,
  ) {}

  path(keyword: string, written: string): string | undefined {
    return this.#keep(keyword, written, expandPath(written, this.home, this.tokens, this.environment));
  }

  paths(keyword: string, written: readonly string[]): readonly string[] {
    return written.flatMap((one) => this.path(keyword, one) ?? []);
  }

  /** ProxyCommand, and the parts of ProxyJump, which OpenSSH makes a ProxyCommand of. */
  proxy(keyword: string, written: string): string | undefined {
    const tokens = Object.fromEntries(
      Object.entries(this.tokens).filter(([letter]) => PROXY_TOKENS.includes(letter)),
    );
    return this.#keep(keyword, written, expandTokens(written, tokens));
  }

  refuse(keyword: string, reason: string): undefined {
    this.unfollowed.push({ keyword, reason });
    return undefined;
  }

  #keep(keyword: string, written: string, expansion: Expansion): string | undefined {
    if ("text" in expansion) return expansion.text;
    return this.refuse(keyword, `its ${keyword} is "${written}", and ${expansion.problem}`);
  }
}
