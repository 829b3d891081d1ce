import {
  OpenSSHAgent,
  utils,
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  type IdentityCallback,
  type NextAuthHandler,
  type ParsedKey,
} from "ssh2";
import { describeKey, findPublicKey } from "./public-key";
import type { SshTarget } from "./target";

interface Attempt {
  readonly method: "none" | "publickey" | "password" | "keyboard-interactive";
  /** What a refusal says was offered; the agent's keys are noted as they are read. */
  readonly offer?: string;
  readonly auth: AnyAuthMethod;
}

/**
 * One login: which credentials are tried in which order, and a record of what was offered and what the
 * server said it accepts, for the message of a refusal. Never holds a secret in the record.
 */
export class Authentication {
  readonly #user: string;
  readonly #privateKey: ParsedKey | undefined;
  readonly #agentSocketPath: string | undefined;
  #password: string | undefined;
  readonly offered: string[] = [];
  allowed: readonly string[] = [];

  /** @param privateKey the target's, parsed */
  constructor(target: SshTarget, privateKey: ParsedKey | undefined) {
    this.#user = target.user;
    this.#privateKey = privateKey;
    this.#agentSocketPath = target.agentSocketPath;
    this.#password = target.password;
  }

  /** From here on no password is shown, as OpenSSH does where a changed host key is let pass. */
  withholdPassword(): void {
    if (this.#password !== undefined) this.offered.push("password withheld (the host key has changed)");
    this.#password = undefined;
  }

  /** ssh2's `authHandler` for one handshake: explicit key, agent, password, the password by prompt. */
  handler(): AuthHandlerMiddleware {
    let attempts: Iterator<Attempt> | undefined;
    return (allowed: readonly string[] | null, isPartial: boolean | null, next: NextAuthHandler) => {
      attempts ??= this.#attempts();
      if (allowed !== null) this.allowed = allowed;
      if (isPartial === true) this.offered.push("(accepted so far, but the server wants one more method)");
      for (let step = attempts.next(); step.done !== true; step = attempts.next()) {
        const { method, offer, auth } = step.value;
        // What the server has ruled out would only use up one of its few tries (MaxAuthTries).
        if (allowed !== null && method !== "none" && !allowed.includes(method)) continue;
        if (offer !== undefined) this.offered.push(offer);
        next(auth);
        return;
      }
      // `false` ends the login (ssh2, client.js: doNextAuth); the typings leave it out.
      next(false as unknown as AnyAuthMethod);
    };
  }

  *#attempts(): Generator<Attempt> {
    const username = this.#user;
    const key = this.#privateKey;
    const password = this.#password;
    const hasCredential = key ?? this.#agentSocketPath ?? password;
    // Without a credential still ask: the refusal then tells which methods there are.
    if (hasCredential === undefined) yield { method: "none", auth: { type: "none", username } };
    if (key !== undefined) {
      const offer = `publickey ${describeParsed(key)} (connection.privateKey)`;
      yield { method: "publickey", offer, auth: { type: "publickey", username, key } };
    }
    if (this.#agentSocketPath !== undefined) {
      const agent = new NotingAgent(this.#agentSocketPath, this.offered);
      yield { method: "publickey", auth: { type: "agent", username, agent } };
    }
    if (password === undefined) return;
    yield { method: "password", offer: "password", auth: { type: "password", username, password } };
    yield {
      method: "keyboard-interactive",
      offer: "keyboard-interactive (with the password)",
      auth: {
        type: "keyboard-interactive",
        username,
        // Only a hidden prompt asks for the password; what is echoed asks for something else.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map(({ echo }) => (echo === true ? "" : password))),
      },
    };
  }
}

/** An agent that writes down which keys it offers. */
class NotingAgent extends OpenSSHAgent {
  constructor(
    private readonly path: string,
    private readonly notes: string[],
  ) {
    super(path);
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    super.getIdentities((error, keys) => {
      const from = `(agent at ${this.path})`;
      if (error) this.notes.push(`no key ${from}: it cannot be asked`);
      const parsed = (keys ?? []).map((key) => utils.parseKey(key as ParsedKey)).filter(isKey);
      if (!error && parsed.length === 0) this.notes.push(`no key ${from}: it holds none`);
      this.notes.push(...parsed.map((key) => `publickey ${describeParsed(key)} ${from}`));
      callback(error, keys);
    });
  }
}

function isKey(parsed: ParsedKey | Error): parsed is ParsedKey {
  return !(parsed instanceof Error);
}

function describeParsed(key: ParsedKey): string {
  const wire = findPublicKey(key.getPublicSSH());
  return wire === undefined ? key.type : describeKey(wire);
}
