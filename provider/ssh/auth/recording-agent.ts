import { utils, type BaseAgent, type Client, type ParsedKey } from "ssh2";
import { describeKey, isSameKey, type PublicKey } from "../keys/public-key";
import { certificateForm, findCertificate, sendCertificateSignature } from "./certificate";
import { OneKeyAgent, type Give } from "./one-key-agent";
import { isSecurityKey, securityKeyOf, sendSecurityKeySignature } from "./security-key";
import { AgentSilent, SshAgent } from "./ssh-agent";

/** What of an agent is used, and where it is written down. */
export interface RecordingAgentOptions {
  readonly socketPath: string;
  /** Tried first, as OpenSSH does with keys that have an identity file. */
  readonly preferred: readonly PublicKey[];
  /** No other keys than the preferred ones (IdentitiesOnly). */
  readonly hasPreferredOnly: boolean;
  /** Whether a key may be offered at all. */
  readonly mayOffer: (key: PublicKey) => boolean;
  readonly note: (offer: string) => void;
  /** Told what the agent is asked for, and has not answered yet; undefined when it has. */
  readonly onWaiting: (what: string | undefined) => void;
  /** Told when it was given up, because it does not answer. */
  readonly onSilent: () => void;
}

/** One key of an agent, for one attempt to log in. */
export interface AgentOffer {
  readonly key: PublicKey;
  /** For messages, with the agent. */
  readonly description: string;
  /** As ssh2 takes it: an agent that has this key alone. */
  readonly agent: BaseAgent<ParsedKey>;
  /** Signs with this key something else than its own offer. @returns without the algorithm's name */
  readonly sign: (message: Buffer, hash: string | undefined) => Promise<Buffer>;
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
    this.#listed ??= this.#waitFor("its keys", this.#list()).catch((error: unknown) => {
      const why = error instanceof AgentSilent ? error.message : "it cannot be asked";
      this.#options.note(`no key ${this.#from}: ${why}`);
      return [];
    });
    return this.#listed;
  }

  async #waitFor<T>(what: string, answer: Promise<T>): Promise<T> {
    const { onWaiting, onSilent, socketPath } = this.#options;
    onWaiting(`the agent at ${socketPath} was asked for ${what} and had not answered`);
    try {
      return await answer;
    } catch (error) {
      if (error instanceof AgentSilent) onSilent();
      throw error;
    } finally {
      onWaiting(undefined);
    }
  }

  get #from(): string {
    return `(agent at ${this.#options.socketPath})`;
  }

  async #list(): Promise<readonly AgentOffer[]> {
    const { preferred, hasPreferredOnly, mayOffer, note } = this.#options;
    const held = (await this.#agent.keys()).filter(mayOffer);
    const isPreferred = (key: PublicKey): boolean => preferred.some((one) => isSameKey(one, key));
    const others = hasPreferredOnly ? [] : held.filter((key) => !isPreferred(key));
    const offers = [...held.filter(isPreferred), ...others].flatMap((key) => {
      const form = formOf(key);
      if (form === undefined) return [];
      const sign = (message: Buffer, hash: string | undefined) => this.#sign(key, message, hash);
      const agent = new OneKeyAgent(form, sign, (problem) => note(`no signature ${this.#from}: ${problem}`));
      const description = `publickey ${describeKey(key)} ${this.#from}`;
      return [
        {
          key,
          description,
          agent,
          sign: (...what: [Buffer, string | undefined]) => this.#signature(key, ...what),
        },
      ];
    });
    if (offers.length === 0) {
      const why = held.length === 0 ? "it holds none" : "it holds none that may be used";
      note(`no key ${this.#from}: ${why}`);
    }
    return offers;
  }

  async #sign(key: PublicKey, message: Buffer, hash: string | undefined): Promise<Give> {
    const certificate = findCertificate(key);
    const made = await this.#signature(key, message, certificate?.hash ?? hash);
    if (certificate !== undefined)
      return (done) => sendCertificateSignature(this.#client, certificate, made, () => done(null, made));
    if (!isSecurityKey(key)) return (done) => done(null, made);
    return (done) => sendSecurityKeySignature(this.#client, made, () => done(null, made));
  }

  /** ssh2 wants what the algorithm makes, without the algorithm's name. */
  async #signature(key: PublicKey, message: Buffer, hash: string | undefined): Promise<Buffer> {
    const signed = await this.#waitFor("a signature", this.#agent.sign(key, message, hash));
    const nameLength = signed.readUInt32BE(0);
    return signed.subarray(4 + nameLength + 4);
  }
}

function formOf(key: PublicKey): ParsedKey | undefined {
  if (isSecurityKey(key)) return securityKeyOf(key);
  const certificate = findCertificate(key);
  if (certificate !== undefined) return certificateForm(certificate);
  const parsed = utils.parseKey(Buffer.from(key.base64, "base64"));
  return parsed instanceof Error ? undefined : parsed;
}
