import type { AnyAuthMethod, Client, ParsedKey } from "ssh2";
import { PROGRAM_SOURCES, type SshTarget } from "../config/target";
import type { Attempt } from "./attempt";
import type { Identity } from "./identity-files";
import { describeKey, findPublicKey, type PublicKey } from "../keys/public-key";
import { RecordingAgent } from "./recording-agent";

/** The target's private key and identity files, read. */
export interface LoginKeys {
  readonly privateKey: ParsedKey | undefined;
  readonly identities: readonly Identity[];
}

/** What {@link KeyAttempts} work with. */
export interface KeyAttemptsOptions {
  readonly target: SshTarget;
  readonly keys: LoginKeys;
  /** Whether the server accepts keys next, as it said last. */
  readonly areKeysAllowed: () => boolean;
  /** Told why a key is not offered. */
  readonly note: (text: string) => void;
}

/** The attempts with keys of one login: the explicit key, those of the agent, those of the identity files. */
export class KeyAttempts {
  readonly #options: KeyAttemptsOptions;
  #agent: RecordingAgent | undefined;

  constructor(options: KeyAttemptsOptions) {
    this.#options = options;
  }

  /** Whether any key may be there. */
  get areAny(): boolean {
    const { target, keys } = this.#options;
    const hasIdentity = keys.identities.some(({ privateKey }) => privateKey !== undefined);
    return keys.privateKey !== undefined || target.agentSocketPath !== undefined || hasIdentity;
  }

  /** All of them, in the order in which they are tried. */
  async *all(client: Client): AsyncGenerator<Attempt> {
    const { target, keys, areKeysAllowed, note } = this.#options;
    if (keys.privateKey !== undefined) {
      const { privateKey: source } = target.sources ?? PROGRAM_SOURCES;
      yield this.#keyAttempt(keys.privateKey, source);
    }
    const offeredByAgent = new Set<string>();
    for (const { key, description, agent } of await this.#agentOffers(client)) {
      offeredByAgent.add(key.base64);
      const auth: AnyAuthMethod = { type: "agent", username: target.user, agent };
      yield { method: "publickey", offer: description, key: key.base64, auth };
    }
    for (const { path, privateKey, publicKey, problem } of keys.identities) {
      // What the agent has offered already would only use up a try.
      if (publicKey !== undefined && offeredByAgent.has(publicKey.base64)) continue;
      if (problem !== undefined && areKeysAllowed()) note(`no key (${path}): ${problem}`);
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
      auth: { type: "publickey", username: this.#options.target.user, key },
    };
  }

  #agentOffers(client: Client): ReturnType<RecordingAgent["offers"]> {
    const { target, keys, areKeysAllowed, note } = this.#options;
    const { agentSocketPath: socketPath, hasIdentitiesOnly } = target;
    if (socketPath === undefined || !areKeysAllowed()) return Promise.resolve([]);
    const options = {
      socketPath,
      preferred: keys.identities.flatMap(({ publicKey }) => publicKey ?? []),
      hasPreferredOnly: hasIdentitiesOnly === true,
      note,
    };
    this.#agent ??= new RecordingAgent(options, client);
    return this.#agent.offers();
  }
}

function wireOf(key: ParsedKey): PublicKey | undefined {
  return findPublicKey(key.getPublicSSH());
}
