import { LibvirtProtocolError } from "./errors";
import { MAX_STRING_BYTES } from "./limits";

/**
 * Reads XDR (RFC 4506) out of one received message.
 *
 * Nothing is believed: each read is checked against what is left, each length against its cap, before
 * anything is allocated.
 *
 * @throws LibvirtProtocolError from every method when the bytes are not what was asked for.
 */
export class XdrReader {
  #offset = 0;

  constructor(private readonly bytes: Buffer) {}

  get remainingBytes(): number {
    return this.bytes.length - this.#offset;
  }

  u32(): number {
    return this.#take(4, "an unsigned integer").readUInt32BE();
  }

  i32(): number {
    return this.#take(4, "an integer").readInt32BE();
  }

  /** A hyper as a number: times and versions, which stay far below 2^53. */
  safeInteger(): number {
    const value = this.#take(8, "a hyper").readBigInt64BE();
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new LibvirtProtocolError(`hyper ${value} is out of range`);
    return number;
  }

  /** Bytes of a length that both sides know; a copy, so it may be kept. */
  fixedOpaque(length: number): Buffer {
    const bytes = Buffer.from(this.#take(length, "fixed opaque data"));
    this.#skipPadding(length);
    return bytes;
  }

  /** @param maxBytes less than the protocol's own limit, where nothing so long is expected. */
  string(maxBytes = MAX_STRING_BYTES): string {
    const length = this.u32();
    if (length > maxBytes) {
      throw new LibvirtProtocolError(`string of ${length} bytes, at most ${maxBytes} are allowed`);
    }
    const text = this.#take(length, "a string").toString("utf8");
    this.#skipPadding(length);
    return text;
  }

  optionalString(maxBytes = MAX_STRING_BYTES): string | undefined {
    return this.optional(() => this.string(maxBytes));
  }

  /** XDR's optional (`*`): 0, or 1 and the item. */
  optional<T>(item: () => T): T | undefined {
    const present = this.u32();
    if (present === 0) return undefined;
    if (present !== 1) throw new LibvirtProtocolError(`optional item marked ${present}, expected 0 or 1`);
    return item();
  }

  /** A counted list with at most `max` items. */
  list<T>(max: number, item: () => T): T[] {
    const count = this.u32();
    if (count > max) throw new LibvirtProtocolError(`list of ${count} items, at most ${max} are allowed`);
    const items: T[] = [];
    for (let index = 0; index < count; index++) items.push(item());
    return items;
  }

  /** Says that everything has been read; what is left over means that the two sides disagree on the type. */
  end(): void {
    if (this.remainingBytes !== 0) {
      throw new LibvirtProtocolError(`${this.remainingBytes} bytes left over at the end of the message`);
    }
  }

  #take(length: number, what: string): Buffer {
    if (length > this.remainingBytes) {
      throw new LibvirtProtocolError(
        `message ends inside ${what}: ${length} bytes expected, ${this.remainingBytes} left`,
      );
    }
    const start = this.#offset;
    this.#offset += length;
    return this.bytes.subarray(start, this.#offset);
  }

  #skipPadding(length: number): void {
    this.#take((4 - (length % 4)) % 4, "padding");
  }
}
