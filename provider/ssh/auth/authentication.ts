import type { AnyAuthMethod, AuthHandlerMiddleware, Client, NextAuthHandler, Prompt } from "ssh2";
import { providerError, shorten, type ProviderError } from "../../errors";
import type { SshTarget } from "../config/target";
import type { Attempt } from "./attempt";
import { KeyAttempts, type LoginKeys } from "./key-attempts";
import { watchLoginAnswers } from "./login-answers";
import { PromptAnswers } from "./prompt-answers";

/** No list of AuthenticationMethods is as long; a server that goes on like this has no end in mind. */
const MAX_PARTIAL_SUCCESSES = 8;
const LONGEST_PROMPT = 80;

/**
 * One login: which credentials are tried in which order, and a record of what was offered and what the
 * server said it accepts, for the message of a refusal. Never holds a secret in the record.
 *
 * After a partial success (`AuthenticationMethods` of sshd) all that is left is tried anew, as OpenSSH does:
 * what was refused before may have been out of turn. A key that was accepted is not offered again; sshd wants
 * another one.
 */
export class Authentication {
  readonly #target: SshTarget;
  readonly #keys: KeyAttempts;
  #password: string | undefined;
  #ready: Promise<void> = Promise.resolve();
  #attempts: AsyncIterator<Attempt> | undefined;
  #current: Attempt | undefined;
  #answered: readonly string[] | undefined;
  #partialSuccesses = 0;
  #answers: PromptAnswers | undefined;
  readonly #accepted = new Set<string>();
  /** Keys that were refused in turn: offered last after a partial success. */
  readonly #refused = new Set<string>();
  #end: ((target: string) => ProviderError) | undefined;
  readonly #sent = new Set<string>();
  #waitingFor: string | undefined;
  #hasSilentAgent = false;
  readonly offered: string[] = [];

  constructor(target: SshTarget, keys: LoginKeys) {
    this.#target = target;
    this.#password = target.password;
    this.#keys = new KeyAttempts({
      target,
      keys,
      areKeysAllowed: () => this.#isAllowed("publickey"),
      note: (text) => this.#note(text),
      onWaiting: (what) => (this.#waitingFor = what),
      onSilent: () => (this.#hasSilentAgent = true),
    });
  }

  /** How many keys were not offered, because the login ended before. */
  get unofferedKeys(): number {
    return Math.max(0, this.#keys.count - this.#sent.size);
  }

  /** How many keys were offered. */
  get offeredKeys(): number {
    return this.#sent.size;
  }

  /** What the agent was asked for and has not answered, in words; undefined where nothing is waited for. */
  get waitingFor(): string | undefined {
    return this.#waitingFor;
  }

  /** The agent's socket, if it was given up because it does not answer. */
  get silentAgent(): string | undefined {
    return this.#hasSilentAgent ? this.#target.agentSocketPath : undefined;
  }

  /** The methods that the server accepts next, as it said last. */
  get allowed(): readonly string[] {
    return this.#answered ?? [];
  }

  /** The error where the login was given up here; undefined where the server has ended it. */
  findEnd(target: string): ProviderError | undefined {
    return this.#end?.(target);
  }

  /** From here on no password is shown, as OpenSSH does where a changed host key is let pass. */
  withholdPassword(): void {
    if (this.#password !== undefined) this.offered.push("password withheld (the host key has changed)");
    this.#password = undefined;
  }

  /** No credential is sent before this; none at all if it rejects, which is for others to tell. */
  waitFor(ready: Promise<void>): void {
    this.#ready = ready;
  }

  /**
   * ssh2's `authHandler` for one handshake: explicit key, agent, key files, password, the password by prompt.
   */
  handler(client: Client): AuthHandlerMiddleware {
    let isWatched: boolean | undefined;
    let isClosed = false;
    client.once("close", () => (isClosed = true));
    client.on("change password", (prompt: string) => this.#endAsExpired(client, prompt));
    return (allowed: readonly string[] | null, isPartial: boolean | null, next: NextAuthHandler) => {
      isWatched ??= watchLoginAnswers(client, (methods, partial) => this.#onRefused(methods, partial));
      // the same list again is no new answer
      if (!isWatched && allowed !== null && allowed !== this.#answered)
        this.#onRefused(allowed, isPartial === true);
      const go = async (): Promise<void> => {
        await this.#ready;
        const attempt = await this.#next(client);
        // `false` ends the login (ssh2, client.js: doNextAuth); the typings leave it out.
        if (!isClosed) next(attempt?.auth ?? (false as unknown as AnyAuthMethod));
      };
      go().catch((error: unknown) => void client.emit("error", error));
    };
  }

  #onRefused(methods: readonly string[], isPartial: boolean): void {
    const current = this.#current;
    this.#current = undefined;
    this.#answered = methods;
    const { key } = current ?? {};
    if (!isPartial) {
      if (key !== undefined && methods.includes("publickey")) this.#refused.add(key);
      return;
    }
    if (key !== undefined) this.#accepted.add(key);
    this.offered.push("(accepted so far, but the server wants one more method)");
    this.#partialSuccesses += 1;
    if (this.#partialSuccesses <= MAX_PARTIAL_SUCCESSES) this.#attempts = undefined;
  }

  async #next(client: Client): Promise<Attempt | undefined> {
    for (;;) {
      this.#attempts ??= this.#all(client);
      const step = await this.#attempts.next();
      if (step.done === true) return undefined;
      // What the server has ruled out would only use up one of its few tries (MaxAuthTries).
      if (step.value.method !== "none" && !this.#isAllowed(step.value.method)) continue;
      if (step.value.offer !== undefined) this.offered.push(step.value.offer);
      if (step.value.key !== undefined) this.#sent.add(step.value.key);
      this.#current = step.value;
      return step.value;
    }
  }

  #isAllowed(method: string): boolean {
    return this.#answered === undefined || this.#answered.includes(method);
  }

  async *#all(client: Client): AsyncGenerator<Attempt> {
    const username = this.#target.user;
    // Without a credential still ask: the refusal then tells which methods there are.
    if (!this.#keys.areAny && this.#password === undefined)
      yield { method: "none", auth: { type: "none", username } };
    const later: Attempt[] = [];
    for await (const attempt of this.#keys.all(client)) {
      if (attempt.key !== undefined && this.#accepted.has(attempt.key)) continue;
      if (attempt.key !== undefined && this.#refused.has(attempt.key)) later.push(attempt);
      else yield attempt;
    }
    yield* later;
    yield* this.#passwordAttempts(client);
  }

  /** The same problem is told once, however often all is tried anew. */
  #note(text: string): void {
    if (!this.offered.includes(text)) this.offered.push(text);
  }

  *#passwordAttempts(client: Client): Generator<Attempt> {
    const username = this.#target.user;
    const password = this.#password;
    if (password !== undefined)
      yield { method: "password", offer: "password", auth: { type: "password", username, password } };
    // after a partial success also without one: there are methods that ask nothing, and the refusal says what
    // is asked
    if (password === undefined && this.#partialSuccesses === 0) return;
    this.#answers ??= new PromptAnswers({
      onExpired: (prompt) => this.#endAsExpired(client, prompt),
      onUnanswered: (prompts, isForPassword) => this.#endAsUnanswered(client, prompts, isForPassword),
    });
    const answer = this.#answers.forAttempt(password);
    yield {
      method: "keyboard-interactive",
      offer: `keyboard-interactive${password === undefined ? "" : " (with the password)"}`,
      auth: {
        type: "keyboard-interactive",
        username,
        prompt: (_name, instruction, _language, prompts, finish) => answer({ instruction, prompts, finish }),
      },
    };
  }

  #endAsUnanswered(client: Client, prompts: readonly Prompt[], isForPassword: boolean): void {
    const asked = prompts.map(({ prompt }) => quoted(prompt)).join(" and ");
    const why = isForPassword
      ? "and no password was given, or it was told already"
      : "to which a password is no answer";
    this.#giveUp(client, (target) => {
      const { offered, allowed } = this;
      const reason = `it asks ${asked}, ${why}; nothing was answered`;
      return providerError("SSH_AUTH_REFUSED", { target, offered, allowed, reason });
    });
  }

  #endAsExpired(client: Client, prompt: string): void {
    this.#giveUp(client, (target) =>
      providerError("SSH_PASSWORD_EXPIRED", { target, asked: quoted(prompt) }),
    );
  }

  #giveUp(client: Client, end: (target: string) => ProviderError): void {
    this.#end ??= end;
    client.emit("error", Object.assign(new Error("given up"), { level: "client-authentication" }));
  }
}

function quoted(prompt: string): string {
  const text = prompt.trim().replace(/\s+/g, " ");
  return `"${shorten(text, LONGEST_PROMPT)}"`;
}
