import {
  BaseAgent,
  utils,
  type Client,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
} from "ssh2";
import { causeText } from "../errors";
import { describeKey, findPublicKey, isSameKey, type PublicKey } from "./public-key";
import { isSecurityKey, securityKeyOf, sendSecurityKeySignature } from "./security-key";
import { SshAgent } from "./ssh-agent";

/** What of an agent is used, and where it is written down. */
export interface NotingAgentOptions {
  readonly socketPath: string;
  /** Tried first, as OpenSSH does with keys that have an identity file. */
  readonly preferred: readonly PublicKey[];
  /** No other keys than the preferred ones (IdentitiesOnly). */
  readonly hasPreferredOnly: boolean;
  readonly note: (offer: string) => void;
  /** Called with each key that is offered. */
  readonly onOffered: (key: PublicKey) => void;
}

/** An agent for ssh2 that offers keys on security keys too, and writes down which keys it offers. */
export class NotingAgent extends BaseAgent<ParsedKey> {
  readonly #agent: SshAgent;
  readonly #options: NotingAgentOptions;
  readonly #client: Client;

  constructor(options: NotingAgentOptions, client: Client) {
    super();
    const ended = new AbortController();
    client.once("close", () => ended.abort(new Error("the connection has ended")));
    this.#agent = new SshAgent(options.socketPath, ended.signal);
    this.#options = options;
    this.#client = client;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    void this.#offers().then(
      (keys) => callback(null, keys),
      (error: unknown) => {
        this.#options.note(`no key ${this.#from}: it cannot be asked`);
        callback(new Error(causeText(error)));
      },
    );
  }

  override sign(
    key: ParsedKey,
    message: Buffer,
    options: { readonly hash?: string } | SignCallback,
    callback?: SignCallback,
  ): void {
    const done = callback ?? (options as SignCallback);
    const hash = typeof options === "object" ? options.hash : undefined;
    void this.#sign(key, message, hash)
      .then((give) => give(done))
      .catch((error: unknown) => {
        this.#options.note(`no signature ${this.#from}: ${causeText(error)}`);
        done(new Error(causeText(error)));
      });
  }

  get #from(): string {
    return `(agent at ${this.#options.socketPath})`;
  }

  async #offers(): Promise<ParsedKey[]> {
    const { preferred, hasPreferredOnly, note, onOffered } = this.#options;
    const held = await this.#agent.keys();
    const isPreferred = (key: PublicKey): boolean => preferred.some((one) => isSameKey(one, key));
    const others = hasPreferredOnly ? [] : held.filter((key) => !isPreferred(key));
    const offers = [...held.filter(isPreferred), ...others].flatMap((key) => {
      const form = formOf(key);
      return form === undefined ? [] : [{ key, form }];
    });
    if (offers.length === 0) {
      const why = held.length === 0 ? "it holds none" : "it holds none that may be used";
      note(`no key ${this.#from}: ${why}`);
    }
    for (const { key } of offers) {
      note(`publickey ${describeKey(key)} ${this.#from}`);
      onOffered(key);
    }
    return offers.map(({ form }) => form);
  }

  /** ssh2 wants what the algorithm makes, without the algorithm's name. */
  async #sign(
    key: ParsedKey,
    message: Buffer,
    hash: string | undefined,
  ): Promise<(done: SignCallback) => void> {
    const publicKey = findPublicKey(key.getPublicSSH());
    if (publicKey === undefined) throw new Error("the key has no wire form");
    const signed = await this.#agent.sign(publicKey, message, hash);
    const nameLength = signed.readUInt32BE(0);
    const made = signed.subarray(4 + nameLength + 4);
    if (!isSecurityKey(publicKey)) return (done) => done(null, made);
    return (done) => sendSecurityKeySignature(this.#client, made, () => done(null, made));
  }
}

function formOf(key: PublicKey): ParsedKey | undefined {
  if (isSecurityKey(key)) return securityKeyOf(key);
  const parsed = utils.parseKey(Buffer.from(key.base64, "base64"));
  return parsed instanceof Error ? undefined : parsed;
}
