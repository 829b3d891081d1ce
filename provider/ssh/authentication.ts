import type { AnyAuthMethod, AuthHandlerMiddleware, Client, NextAuthHandler, ParsedKey } from "ssh2";
import type { Identity } from "./identity-files";
import { NotingAgent } from "./noting-agent";
import { describeKey, findPublicKey, isSameKey, type PublicKey } from "./public-key";
import { PROGRAM_SOURCES, type SshTarget } from "./target";

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
  readonly #target: SshTarget;
  readonly #privateKey: ParsedKey | undefined;
  readonly #identities: readonly Identity[];
  #password: string | undefined;
  readonly #offeredByAgent: PublicKey[] = [];
  readonly offered: string[] = [];
  allowed: readonly string[] = [];

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

  /** From here on no password is shown, as OpenSSH does where a changed host key is let pass. */
  withholdPassword(): void {
    if (this.#password !== undefined) this.offered.push("password withheld (the host key has changed)");
    this.#password = undefined;
  }

  /** ssh2's `authHandler` for one handshake: explicit key, agent, key files, password, the password by prompt. */
  handler(client: Client): AuthHandlerMiddleware {
    let attempts: Iterator<Attempt> | undefined;
    return (allowed: readonly string[] | null, isPartial: boolean | null, next: NextAuthHandler) => {
      attempts ??= this.#attempts(client);
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

  *#attempts(client: Client): Generator<Attempt> {
    const username = this.#user;
    const key = this.#privateKey;
    const password = this.#password;
    const { agentSocketPath: socketPath } = this.#target;
    const hasIdentity = this.#identities.some(({ privateKey }) => privateKey !== undefined);
    // Without a credential still ask: the refusal then tells which methods there are.
    if ((key ?? socketPath ?? password) === undefined && !hasIdentity)
      yield { method: "none", auth: { type: "none", username } };
    if (key !== undefined) {
      const { privateKey: source } = this.#target.sources ?? PROGRAM_SOURCES;
      const offer = `publickey ${describeParsed(key)} (${source})`;
      yield { method: "publickey", offer, auth: { type: "publickey", username, key } };
    }
    if (socketPath !== undefined) {
      const agent = this.#agent(socketPath, client);
      yield { method: "publickey", auth: { type: "agent", username, agent } };
    }
    yield* this.#fileAttempts();
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

  #agent(socketPath: string, client: Client): NotingAgent {
    const options = {
      socketPath,
      preferred: this.#identities.flatMap(({ publicKey }) => publicKey ?? []),
      hasPreferredOnly: this.#target.hasIdentitiesOnly === true,
      note: (offer: string) => this.offered.push(offer),
      onOffered: (offered: PublicKey) => this.#offeredByAgent.push(offered),
    };
    return new NotingAgent(options, client);
  }

  /** What the agent has offered already would only use up a try. */
  *#fileAttempts(): Generator<Attempt> {
    for (const { path, privateKey: key, publicKey, problem } of this.#identities) {
      if (publicKey !== undefined && this.#offeredByAgent.some((one) => isSameKey(one, publicKey))) continue;
      if (problem !== undefined) this.offered.push(`no key (${path}): ${problem}`);
      if (key === undefined) continue;
      const offer = `publickey ${describeParsed(key)} (${path})`;
      yield { method: "publickey", offer, auth: { type: "publickey", username: this.#user, key } };
    }
  }
}

function describeParsed(key: ParsedKey): string {
  const wire = findPublicKey(key.getPublicSSH());
  return wire === undefined ? key.type : describeKey(wire);
}
