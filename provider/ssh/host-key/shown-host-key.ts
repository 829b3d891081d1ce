import { causeText, providerError, type ProviderError } from "../../errors";
import { describeKey, findPublicKey, isSameKey, type PublicKey } from "../keys/public-key";
import { assessHostKey, type HostKeyPolicy, type HostKeyVerdict } from "./host-key-check";
import { recordHostKey } from "./record-host-key";

/** What a {@link ShownHostKey} works with. */
export interface ShownHostKeyOptions {
  readonly label: string;
  /** What known_hosts says when it is asked: others write there too. */
  readonly policyNow: () => HostKeyPolicy;
  /** Has others say first what they know of a key; undefined where nobody is asked. */
  readonly ask: (received: PublicKey) => Promise<void> | undefined;
  /** Told of each key that the host shows. */
  readonly onHostKey: (received: PublicKey) => void;
  /** Called if the host may get no password. */
  readonly withholdPassword: () => void;
}

/**
 * The key that a host shows in one handshake: assessed, and written to known_hosts once the host has proved
 * it.
 */
export class ShownHostKey {
  readonly #options: ShownHostKeyOptions;
  #accepted: PublicKey | undefined;
  #verdict: HostKeyVerdict | undefined;
  /** Another key than the accepted one, shown when keys were exchanged anew. */
  #later: PublicKey | undefined;

  constructor(options: ShownHostKeyOptions) {
    this.#options = options;
  }

  /**
   * Whether the handshake may go on with this key, in its wire form. It is said at once unless somebody has
   * to be asked.
   */
  accepts(blob: Buffer): boolean | Promise<boolean> {
    const received = findPublicKey(blob);
    if (received === undefined) return false;
    // Asked again if keys are exchanged anew: the same key or none.
    if (this.#accepted !== undefined) {
      if (isSameKey(this.#accepted, received)) return true;
      this.#later = received;
      return false;
    }
    this.#options.onHostKey(received);
    return this.#options.ask(received)?.then(() => this.#assess(received)) ?? this.#assess(received);
  }

  #assess(received: PublicKey): boolean {
    this.#verdict = assessHostKey(this.#options.policyNow(), received);
    if (this.#verdict.kind === "refuse") return false;
    if (this.#verdict.kind === "accept-without-password") this.#options.withholdPassword();
    this.#accepted = received;
    return true;
  }

  /** Why the key was refused. */
  get refusal(): ProviderError | undefined {
    if (this.#accepted !== undefined && this.#later !== undefined)
      return providerError("SSH_HOST_KEY_MISMATCH", {
        target: this.#options.label,
        received: [describeKey(this.#later)],
        expected: [`${describeKey(this.#accepted)} (shown at the login)`],
        isAfterLogin: true,
      });
    return this.#verdict?.kind === "refuse" ? this.#verdict.error : undefined;
  }

  /**
   * The host has proved that it holds the key: begins to write its line, if it has none.
   *
   * @returns undefined if there is nothing to write
   * @throws SSH_HOST_KEY_*
   */
  record(signal: AbortSignal): Promise<void> | undefined {
    const verdict = this.#verdict;
    const received = this.#accepted;
    this.#verdict = undefined;
    if (verdict?.kind !== "accept-and-record" || received === undefined) return undefined;
    return this.#record(verdict, received, signal);
  }

  async #record(
    verdict: HostKeyVerdict & { readonly kind: "accept-and-record" },
    received: PublicKey,
    signal: AbortSignal,
  ): Promise<void> {
    const { label: target, policyNow, withholdPassword } = this.#options;
    let counts: HostKeyVerdict;
    try {
      counts = await recordHostKey(verdict, received, policyNow, signal);
    } catch (error) {
      const { file, line, mustRecord } = verdict;
      if (!mustRecord || signal.aborted) return;
      const reason = causeText(error);
      throw providerError("SSH_HOST_KEY_NOT_RECORDED", { target, file, line, reason }, error);
    }
    if (counts.kind === "refuse") throw counts.error;
    if (counts.kind === "accept-without-password") withholdPassword();
  }
}
