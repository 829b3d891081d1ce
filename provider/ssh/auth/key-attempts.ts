import type { AnyAuthMethod, Client, ParsedKey } from "ssh2";
import { PROGRAM_SOURCES, type SshTarget } from "../config/target";
import type { Attempt } from "./attempt";
import type { Identity } from "./identity-files";
import { isOffered } from "./accepted-keys";
import {
  certificateForm,
  readCertificates,
  sendCertificateSignature,
  signFor,
  type CertificateFile,
} from "./certificate";
import { describeKey, findPublicKey, isSameKey, type PublicKey } from "../keys/public-key";
import { OneKeyAgent, type Sign } from "./one-key-agent";
import { RecordingAgent, type AgentOffer } from "./recording-agent";

/** The target's private key and identity files, read. */
export interface LoginKeys {
  readonly privateKey: ParsedKey | undefined;
  readonly identities: readonly Identity[];
  /** CertificateFile */
  readonly certificates: readonly CertificateFile[];
}

/** What {@link KeyAttempts} work with. */
export interface KeyAttemptsOptions {
  readonly target: SshTarget;
  readonly keys: LoginKeys;
  /** Whether the server accepts keys next, as it said last. */
  readonly areKeysAllowed: () => boolean;
  /** Told why a key is not offered. */
  readonly note: (text: string) => void;
  /** As of {@link RecordingAgentOptions}. */
  readonly onWaiting: (what: string | undefined) => void;
  readonly onSilent: () => void;
}

/** The attempts with keys of one login: the explicit key, those of the agent, those of the identity files. */
export class KeyAttempts {
  readonly #options: KeyAttemptsOptions;
  #agent: RecordingAgent | undefined;
  #beside: readonly CertificateFile[] | undefined;
  /** How many keys there are to offer, as far as it is known. */
  #count = 0;

  constructor(options: KeyAttemptsOptions) {
    this.#options = options;
  }

  /** Whether any key may be there. */
  get areAny(): boolean {
    const { target, keys } = this.#options;
    const hasIdentity = keys.identities.some(({ privateKey }) => privateKey !== undefined);
    return keys.privateKey !== undefined || target.agentSocketPath !== undefined || hasIdentity;
  }

  /** How many keys there are to offer; 0 before the agent was asked. */
  get count(): number {
    return this.#count;
  }

  /** All of them, in the order in which they are tried. */
  async *all(client: Client): AsyncGenerator<Attempt> {
    const { target, keys, areKeysAllowed, note } = this.#options;
    if (keys.privateKey !== undefined) {
      const { privateKey: source } = target.sources ?? PROGRAM_SOURCES;
      yield this.#keyAttempt(keys.privateKey, source);
    }
    const ofAgent = await this.#agentOffers(client);
    const offeredByAgent = new Set(ofAgent.map(({ key }) => key.base64));
    // What the agent has offered already would only use up a try.
    const files = keys.identities.filter(
      ({ publicKey: key }) =>
        key === undefined || (isOffered(key, target) && !offeredByAgent.has(key.base64)),
    );
    this.#count = [keys.privateKey, ...keys.certificates, ...ofAgent].filter(
      (one) => one !== undefined,
    ).length;
    this.#count += files.filter(({ privateKey }) => privateKey !== undefined).length;
    yield* this.#certificateAttempts(keys.certificates, ofAgent, client);
    for (const { key, description, agent } of ofAgent) {
      const auth: AnyAuthMethod = { type: "agent", username: target.user, agent };
      yield { method: "publickey", offer: description, key: key.base64, auth };
    }
    for (const { path, privateKey, problem } of files) {
      if (problem !== undefined && areKeysAllowed()) note(`no key (${path}): ${problem}`);
      if (privateKey !== undefined) yield this.#keyAttempt(privateKey, path);
    }
    // as OpenSSH, which looks for these where none is named
    if (keys.certificates.length > 0) return;
    const beside = this.#certificatesBeside.filter(
      ({ certificate }) => !offeredByAgent.has(certificate.key.base64),
    );
    yield* this.#certificateAttempts(beside, ofAgent, client);
  }

  /** Read once for a login: the agent is asked with them in mind, and they are offered last. */
  get #certificatesBeside(): readonly CertificateFile[] {
    return (this.#beside ??= readCertificates(
      this.#options.keys.identities.map(({ path }) => `${path}-cert`),
    ));
  }

  /** Certificates, each signed for by the key that it is for, in a file or in the agent. */
  *#certificateAttempts(
    certificates: readonly CertificateFile[],
    ofAgent: readonly AgentOffer[],
    client: Client,
  ): Generator<Attempt> {
    const { target, keys, note } = this.#options;
    const privateKeys = [keys.privateKey, ...keys.identities.map(({ privateKey }) => privateKey)];
    for (const { path, certificate } of certificates) {
      if (!isOffered(certificate.key, target)) continue;
      const isIts = (key: PublicKey | undefined): boolean =>
        key !== undefined && isSameKey(key, certificate.plain);
      const offer = ofAgent.find(({ key }) => isIts(key));
      const privateKey = privateKeys.find((key) => key !== undefined && isIts(wireOf(key)));
      if (offer === undefined && privateKey === undefined) {
        note(`no certificate (${path}): the key that it is for is neither in a file nor in the agent`);
        continue;
      }
      const sign: Sign = async (message) => {
        const signature =
          privateKey === undefined
            ? await (offer as AgentOffer).sign(message, certificate.hash)
            : signFor(certificate, privateKey, message);
        return (done) =>
          sendCertificateSignature(client, certificate, signature, () => done(null, signature));
      };
      const agent = new OneKeyAgent(certificateForm(certificate), sign, (problem) =>
        note(`no signature (${path}): ${problem}`),
      );
      yield {
        method: "publickey",
        offer: `publickey ${describeKey(certificate.key)} (${path})`,
        key: certificate.key.base64,
        auth: { type: "agent", username: target.user, agent },
      };
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
    const { target, keys, areKeysAllowed, note, onWaiting, onSilent } = this.#options;
    const { agentSocketPath: socketPath, hasIdentitiesOnly } = target;
    if (socketPath === undefined || !areKeysAllowed()) return Promise.resolve([]);
    const options = {
      socketPath,
      preferred: [
        ...keys.identities.flatMap(({ publicKey }) => publicKey ?? []),
        ...this.#certificatesBeside.map(({ certificate }) => certificate.key),
      ],
      mayOffer: (key: PublicKey) => isOffered(key, target),
      hasPreferredOnly: hasIdentitiesOnly === true,
      ...{ note, onWaiting, onSilent },
    };
    this.#agent ??= new RecordingAgent(options, client);
    return this.#agent.offers();
  }
}

function wireOf(key: ParsedKey): PublicKey | undefined {
  return findPublicKey(key.getPublicSSH());
}
