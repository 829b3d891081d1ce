/** The two kinds of fields that SSH's keys, agents and lists are made of (RFC 4251 section 5). */

/** A number of four bytes. */
export function wireNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Bytes, or a text in ASCII, behind their length. */
export function wireString(content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([wireNumber(bytes.length), bytes]);
}

/** Reads field by field. */
export class WireReader {
  #at = 0;

  /** @param cutOff the error where the content ends within a field */
  constructor(
    private readonly content: Buffer,
    private readonly cutOff: () => Error,
  ) {}

  get isAtEnd(): boolean {
    return this.#at >= this.content.length;
  }

  byte(): number {
    return this.content.readUInt8(this.#take(1));
  }

  number(): number {
    return this.content.readUInt32BE(this.#take(4));
  }

  string(): Buffer {
    const length = this.number();
    const start = this.#take(length);
    return this.content.subarray(start, start + length);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  #take(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.content.length) throw this.cutOff();
    this.#at = start + bytes;
    return start;
  }
}
