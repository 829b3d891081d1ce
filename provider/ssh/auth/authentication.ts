import type { AnyAuthMethod, AuthHandlerMiddleware, Client, NextAuthHandler, ParsedKey, Prompt } from "ssh2";
import { providerError, type ProviderError } from "../../errors";
import type { Identity } from "./identity-files";
import { watchLoginAnswers } from "./login-answers";
import { RecordingAgent } from "./recording-agent";
import { promptKindOf } from "./password-prompt";
import { describeKey, findPublicKey, type PublicKey } from "./public-key";
import { PROGRAM_SOURCES, type SshTarget } from "../config/target";

interface Attempt {
  readonly method: "none" | "publickey" | "password" | "keyboard-interactive";
  /** What a refusal says was offered. */
  readonly offer?: string;
  /** The key's wire form, where the attempt is with one. */
  readonly key?: string;
  readonly auth: AnyAuthMethod;
}

/** No list of AuthenticationMethods is as long; a server that goes on like this has no end in mind. */
const MAX_PARTIAL_SUCCESSES = 8;
/** To prompts of one login, as often as OpenSSH asks its user (NumberOfPasswordPrompts): a PAM stack may have several modules. */
const MAX_PASSWORD_ANSWERS = 3;
const LONGEST_PROMPT = 80;

/**
 * One login: which credentials are tried in which order, and a record of what was offered and what the
 * server said it accepts, for the message of a refusal. Never holds a secret in the record.
 *
 * After a partial success (`AuthenticationMethods` of sshd) all that is left is tried anew, as OpenSSH does: what was
 * refused before may have been out of turn. A key that was accepted is not offered again; sshd wants another one.
 */
export class Authentication {
  readonly #user: string;
  readonly #target: SshTarget;
  readonly #privateKey: ParsedKey | undefined;
  readonly #identities: readonly Identity[];
  #password: string | undefined;
  #ready: Promise<void> = Promise.resolve();
  #agent: RecordingAgent | undefined;
  #attempts: AsyncIterator<Attempt> | undefined;
  #current: Attempt | undefined;
  #answered: readonly string[] | undefined;
  #partialSuccesses = 0;
  #passwordAnswers = 0;
  readonly #accepted = new Set<string>();
  /** Keys that were refused in turn: offered last after a partial success. */
  readonly #refused = new Set<string>();
  #end: ((target: string) => ProviderError) | undefined;
  readonly offered: string[] = [];

  /** @param keys the target's private key and identity files, read */
  constructor(
    target: SshTarget,
    keys: { readonly privateKey: ParsedKey | undefined; readonly identities: readonly Identity[] },
  ) {
    this.#user = target.user;
    this.#target = target;
    this.#privateKey = keys.privateKey;
    this.#identities = keys.identities;
    this.#password = target.password;
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

  /** ssh2's `authHandler` for one handshake: explicit key, agent, key files, password, the password by prompt. */
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
      this.#current = step.value;
      return step.value;
    }
  }

  #isAllowed(method: string): boolean {
    return this.#answered === undefined || this.#answered.includes(method);
  }

  async *#all(client: Client): AsyncGenerator<Attempt> {
    const username = this.#user;
    const hasIdentity = this.#identities.some(({ privateKey }) => privateKey !== undefined);
    const { agentSocketPath } = this.#target;
    // Without a credential still ask: the refusal then tells which methods there are.
    if ((this.#privateKey ?? agentSocketPath ?? this.#password) === undefined && !hasIdentity)
      yield { method: "none", auth: { type: "none", username } };
    const later: Attempt[] = [];
    for await (const attempt of this.#keyAttempts(client)) {
      if (attempt.key !== undefined && this.#accepted.has(attempt.key)) continue;
      if (attempt.key !== undefined && this.#refused.has(attempt.key)) later.push(attempt);
      else yield attempt;
    }
    yield* later;
    yield* this.#passwordAttempts(client);
  }

  async *#keyAttempts(client: Client): AsyncGenerator<Attempt> {
    const key = this.#privateKey;
    if (key !== undefined) {
      const { privateKey: source } = this.#target.sources ?? PROGRAM_SOURCES;
      yield this.#keyAttempt(key, source);
    }
    const offeredByAgent = new Set<string>();
    for (const { key, description, agent } of await this.#agentOffers(client)) {
      offeredByAgent.add(key.base64);
      const auth: AnyAuthMethod = { type: "agent", username: this.#user, agent };
      yield { method: "publickey", offer: description, key: key.base64, auth };
    }
    for (const { path, privateKey, publicKey, problem } of this.#identities) {
      // What the agent has offered already would only use up a try.
      if (publicKey !== undefined && offeredByAgent.has(publicKey.base64)) continue;
      if (problem !== undefined && this.#isAllowed("publickey")) this.#note(`no key (${path}): ${problem}`);
      if (privateKey !== undefined) yield this.#keyAttempt(privateKey, path);
    }
  }

  #keyAttempt(key: ParsedKey, source: string): Attempt {
    const wire = wireOf(key);
    const name = wire === undefined ? key.type : describeKey(wire);
    return {
      method: "publickey",
      offer: `publickey ${name} (${source})`,
      ...(wire !== undefined && { key: wire.base64 }),
      auth: { type: "publickey", username: this.#user, key },
    };
  }

  #agentOffers(client: Client): ReturnType<RecordingAgent["offers"]> {
    const { agentSocketPath: socketPath, hasIdentitiesOnly } = this.#target;
    if (socketPath === undefined || !this.#isAllowed("publickey")) return Promise.resolve([]);
    const options = {
      socketPath,
      preferred: this.#identities.flatMap(({ publicKey }) => publicKey ?? []),
      hasPreferredOnly: hasIdentitiesOnly === true,
      note: (text: string) => this.#note(text),
    };
    this.#agent ??= new RecordingAgent(options, client);
    return this.#agent.offers();
  }

  /** The same problem is told once, however often all is tried anew. */
  #note(text: string): void {
    if (!this.offered.includes(text)) this.offered.push(text);
  }

  *#passwordAttempts(client: Client): Generator<Attempt> {
    const username = this.#user;
    const password = this.#password;
    if (password !== undefined)
      yield { method: "password", offer: "password", auth: { type: "password", username, password } };
    // after a partial success also without one: there are methods that ask nothing, and the refusal says what is asked
    if (password === undefined && this.#partialSuccesses === 0) return;
    let hasAnswered = false;
    yield {
      method: "keyboard-interactive",
      offer: `keyboard-interactive${password === undefined ? "" : " (with the password)"}`,
      auth: {
        type: "keyboard-interactive",
        username,
        prompt: (_name, instruction, _language, prompts, finish) => {
          const [prompt, ...others] = prompts;
          if (prompt === undefined) return finish([]);
          const kind = promptKindOf(prompt.prompt, instruction, hasAnswered);
          if (kind === "change") return this.#endAsExpired(client, prompt.prompt);
          const isForPassword = kind === "password" && prompt.echo !== true && others.length === 0;
          const isTold = this.#passwordAnswers >= MAX_PASSWORD_ANSWERS;
          if (!isForPassword || password === undefined || isTold)
            return this.#endAsUnanswered(client, prompts, kind === "password" && others.length === 0);
          hasAnswered = true;
          this.#passwordAnswers += 1;
          finish([password]);
        },
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

function wireOf(key: ParsedKey): PublicKey | undefined {
  return findPublicKey(key.getPublicSSH());
}

function quoted(prompt: string): string {
  const text = prompt.trim().replace(/\s+/g, " ");
  return `"${text.length <= LONGEST_PROMPT ? text : `${text.slice(0, LONGEST_PROMPT)}…`}"`;
}
