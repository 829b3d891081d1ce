import { hostname, userInfo } from "node:os";
import { childEnvironment } from "./child-environment";
import { runProgram } from "./local-program";
import { findOpensshSettings, type OpensshSettings } from "./openssh-settings";

/** What came of asking OpenSSH about a host. */
export interface OpensshAnswer {
  /** Undefined where there is no `ssh`, or where it did not answer: the host is then used as it is. */
  readonly settings?: OpensshSettings;
  /** Why there is no answer though there is an `ssh`. */
  readonly problem?: string;
}

/** Reading files takes milliseconds; CanonicalizeHostname and `Match exec` may ask a network. */
const LIMIT_MS = 5000;
/** An answer is some 5 KiB. */
const MAX_BYTES = 1024 * 1024;

/** Of whom OpenSSH is asked. What is left out comes from its configuration. */
export interface OpensshQuestion {
  readonly host: string;
  /** The user and the port that will be used, where something else than ssh_config says so. */
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/**
 * OpenSSH's configuration, as `ssh -G` tells it: aliases, `Host` and `Match` blocks, `Include` and the
 * system's file are OpenSSH's to understand (docs/internals/decisions/0040-openssh-is-asked.md). Each host is
 * asked for once per process with the same user and port, since `Match user` and tokens see them.
 */
export class OpensshConfig {
  readonly #file: string | undefined;
  readonly #limitMs: number;
  readonly #answers = new Map<string, Promise<OpensshAnswer>>();

  /**
   * @param options - `file`: instead of the user's and the system's, as `ssh -F`; `none`: OpenSSH is not
   *   asked at all. `limitMs`: how long an answer may take.
   */
  constructor(options: { readonly file?: string | undefined; readonly limitMs?: number } = {}) {
    this.#file = options.file === "" ? undefined : options.file;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /** The login name on this machine. */
  get localUser(): string {
    return userInfo().username;
  }

  /** Never rejects. */
  async ask(question: OpensshQuestion): Promise<OpensshAnswer> {
    const { host, user, port } = question;
    if (this.#file === "none" || !isAskable(host) || /\p{Cc}/u.test(user ?? "")) return {};
    const key = JSON.stringify([host, user ?? null, port ?? null]);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#run(question);
    this.#answers.set(key, answer);
    return answer;
  }

  /** No shell in between, and a host that looks like an option is none: `--` stands before it. */
  async #run({ host, user, port }: OpensshQuestion): Promise<OpensshAnswer> {
    const options = [
      ...(this.#file === undefined ? [] : ["-F", this.#file]),
      ...(user === undefined ? [] : ["-l", user]),
      ...(port === undefined ? [] : ["-p", String(port)]),
      // printed with the token replaced: so what %C stands for is this ssh's to say
      ...["-o", "ControlPath=%C"],
    ];
    const { stdout, failure } = await runProgram(["ssh", "-G", "-T", ...options, "--", host], {
      limitMs: this.#limitMs,
      maxBytes: MAX_BYTES,
    });
    if (failure === undefined) return this.#read(stdout, host);
    return failure.kind === "is not there" ? {} : { problem: failure.text };
  }

  #read(printed: string, host: string): OpensshAnswer {
    const { homedir: home, username: localUser, uid: localUserId } = userInfo();
    const settings = findOpensshSettings(printed, host, {
      home,
      localUser,
      localUserId,
      localHostName: hostname(),
      environment: childEnvironment(process.env),
    });
    return settings === undefined ? { problem: "it printed no host name, user and port" } : { settings };
  }
}

/** OpenSSH takes `user@host` and `ssh://host` apart; here a host is a host. */
function isAskable(host: string): boolean {
  return !host.startsWith("-") && !/[@\s\p{Cc}]|^ssh:\/\//iu.test(host);
}
