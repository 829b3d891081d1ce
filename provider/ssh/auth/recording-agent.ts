import {
  BaseAgent,
  utils,
  type Client,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
} from "ssh2";
import { causeText } from "../../errors";
import { describeKey, isSameKey, type PublicKey } from "../keys/public-key";
import { isSecurityKey, securityKeyOf, sendSecurityKeySignature } from "./security-key";
import { SshAgent } from "./ssh-agent";

/** What of an agent is used, and where it is written down. */
export interface RecordingAgentOptions {
  readonly socketPath: string;
  /** Tried first, as OpenSSH does with keys that have an identity file. */
  readonly preferred: readonly PublicKey[];
  /** No other keys than the preferred ones (IdentitiesOnly). */
  readonly hasPreferredOnly: boolean;
  readonly note: (offer: string) => void;
}

/** One key of an agent, for one attempt to log in. */
export interface AgentOffer {
  readonly key: PublicKey;
  /** For messages, with the agent. */
  readonly description: string;
  /** As ssh2 takes it: an agent that has this key alone. */
  readonly agent: BaseAgent<ParsedKey>;
}

/** An SSH agent's keys, with notes of why there are none or why a key does not sign. */
export class RecordingAgent {
  readonly #agent: SshAgent;
  readonly #options: RecordingAgentOptions;
  readonly #client: Client;
  #listed: Promise<readonly AgentOffer[]> | undefined;

  constructor(options: RecordingAgentOptions, client: Client) {
    const ended = new AbortController();
    client.once("close", () => ended.abort(new Error("the connection has ended")));
    this.#agent = new SshAgent(options.socketPath, ended.signal);
    this.#options = options;
    this.#client = client;
  }

  /** The keys that may be offered, in their order; asked for once. Never rejects: then there are none. */
  async offers(): Promise<readonly AgentOffer[]> {
    this.#listed ??= this.#list().catch(() => {
      this.#options.note(`no key ${this.#from}: it cannot be asked`);
      return [];
    });
    return this.#listed;
  }

  get #from(): string {
    return `(agent at ${this.#options.socketPath})`;
  }

  async #list(): Promise<readonly AgentOffer[]> {
    const { preferred, hasPreferredOnly, note } = this.#options;
    const held = await this.#agent.keys();
    const isPreferred = (key: PublicKey): boolean => preferred.some((one) => isSameKey(one, key));
    const others = hasPreferredOnly ? [] : held.filter((key) => !isPreferred(key));
    const offers = [...held.filter(isPreferred), ...others].flatMap((key) => {
      const form = formOf(key);
      if (form === undefined) return [];
      const sign = (message: Buffer, hash: string | undefined) => this.#sign(key, message, hash);
      const agent = new OneKeyAgent(form, sign, (problem) => note(`no signature ${this.#from}: ${problem}`));
      return [{ key, description: `publickey ${describeKey(key)} ${this.#from}`, agent }];
    });
    if (offers.length === 0) {
      const why = held.length === 0 ? "it holds none" : "it holds none that may be used";
      note(`no key ${this.#from}: ${why}`);
    }
    return offers;
  }

  /** ssh2 wants what the algorithm makes, without the algorithm's name. */
  async #sign(key: PublicKey, message: Buffer, hash: string | undefined): Promise<Give> {
    const signed = await this.#agent.sign(key, message, hash);
    const nameLength = signed.readUInt32BE(0);
    const made = signed.subarray(4 + nameLength + 4);
    if (!isSecurityKey(key)) return (done) => done(null, made);
    return (done) => sendSecurityKeySignature(this.#client, made, () => done(null, made));
  }
}

/** Hands a signature to ssh2. */
type Give = (done: SignCallback) => void;

/**
 * ssh2 goes through an agent's keys by itself, and does not tell of a partial success in between; so it is
 * given one.
 */
class OneKeyAgent extends BaseAgent<ParsedKey> {
  readonly #form: ParsedKey;
  readonly #sign: (message: Buffer, hash: string | undefined) => Promise<Give>;
  readonly #onProblem: (problem: string) => void;

  constructor(
    form: ParsedKey,
    sign: (message: Buffer, hash: string | undefined) => Promise<Give>,
    onProblem: (problem: string) => void,
  ) {
    super();
    this.#form = form;
    this.#sign = sign;
    this.#onProblem = onProblem;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(null, [this.#form]);
  }

  override sign(
    _key: ParsedKey,
    message: Buffer,
    options: { readonly hash?: string } | SignCallback,
    callback?: SignCallback,
  ): void {
    const done = callback ?? (options as SignCallback);
    const hash = typeof options === "object" ? options.hash : undefined;
    void this.#sign(message, hash)
      .then((give) => give(done))
      .catch((error: unknown) => {
        this.#onProblem(causeText(error));
        done(new Error(causeText(error)));
      });
  }
}

function formOf(key: PublicKey): ParsedKey | undefined {
  if (isSecurityKey(key)) return securityKeyOf(key);
  const parsed = utils.parseKey(Buffer.from(key.base64, "base64"));
  return parsed instanceof Error ? undefined : parsed;
}
