import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { childEnvironment } from "./child-environment";
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

/**
 * OpenSSH's configuration, as `ssh -G` tells it: aliases, `Host` and `Match` blocks, `Include` and the
 * system's file are OpenSSH's to understand (docs/internals/decisions/0040-openssh-is-asked.md). Each host is
 * asked for once per process.
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
  async ask(host: string): Promise<OpensshAnswer> {
    if (this.#file === "none" || !isAskable(host)) return {};
    const known = this.#answers.get(host);
    if (known !== undefined) return known;
    const answer = this.#run(host);
    this.#answers.set(host, answer);
    return answer;
  }

  /**
   * The only program that is started on this machine. No shell in between, and a host that looks like an
   * option is none: `--` stands before it.
   */
  async #run(host: string): Promise<OpensshAnswer> {
    const file = this.#file === undefined ? [] : ["-F", this.#file];
    const options = {
      env: childEnvironment(process.env),
      timeout: this.#limitMs,
      killSignal: "SIGKILL",
      maxBuffer: MAX_BYTES,
    } as const;
    return new Promise((resolve) => {
      const child = execFile("ssh", ["-G", "-T", ...file, "--", host], options, (error, stdout, stderr) => {
        if (error === null) resolve(this.#read(stdout, host));
        else if (error.code === "ENOENT") resolve({});
        else
          resolve({
            problem: error.killed ? `no answer within ${this.#limitMs / 1000} s` : firstLine(stderr),
          });
      });
      child.stdin?.end();
    });
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

function firstLine(text: string): string {
  return (
    text
      .split("\n")
      .find((line) => line.trim() !== "")
      ?.trim() ?? "it failed without a word"
  );
}
