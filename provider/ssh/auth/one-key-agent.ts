import { BaseAgent, type IdentityCallback, type ParsedKey, type SignCallback } from "ssh2";
import { causeText } from "../../errors";

/** Hands a signature to ssh2. */
export type Give = (done: SignCallback) => void;

/** Signs a message; the hash is that of an RSA signature. */
export type Sign = (message: Buffer, hash: string | undefined) => Promise<Give>;

/**
 * ssh2 goes through an agent's keys by itself, and does not tell of a partial success in between; so it is
 * given one. Certificates are offered by way of an agent too, since ssh2 knows none.
 */
export class OneKeyAgent extends BaseAgent<ParsedKey> {
  readonly #form: ParsedKey;
  readonly #sign: Sign;
  readonly #onProblem: (problem: string) => void;

  constructor(form: ParsedKey, sign: Sign, onProblem: (problem: string) => void) {
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
