/** What one request may be answered with. */
export interface AnswerLimits {
  readonly bytes: number;
  /** Pieces of records: a record of over a thousand bytes comes in several. */
  readonly pieces: number;
}

/** Puts the pieces of records together: `s` goes on, `S` ends one. */
export class RecordReader {
  readonly #limits: AnswerLimits;
  #pieces: string[] = [];
  #bytes = 0;
  #count = 0;

  constructor(limits: AnswerLimits) {
    this.#limits = limits;
  }

  /** @returns the record that ends with this piece, if one does; `too-long` past the limits */
  take(verb: string, text: string): { readonly record: string } | "too-long" | undefined {
    this.#bytes += text.length;
    this.#count += 1;
    if (this.#bytes > this.#limits.bytes || this.#count > this.#limits.pieces) return "too-long";
    this.#pieces.push(text);
    if (verb !== "S") return undefined;
    const record = Buffer.from(this.#pieces.join(""), "latin1").toString("utf8");
    this.#pieces = [];
    return { record };
  }

  /** Counts anew: the limits are then those of what follows. */
  startAnew(): void {
    this.#bytes = 0;
    this.#count = 0;
  }
}
