import { MAX_STRING_BYTES } from "./limits";

/**
 * Writes XDR (RFC 4506): big-endian, every item padded with zeros to a multiple of four bytes.
 *
 * The limits of libvirt's own protocol are held here, so that what a caller passes in can be refused
 * before anything is sent: RangeError for a number or a length out of range, TypeError for a text that
 * libvirt's C strings cannot carry.
 *
 * @example
 * const payload = new XdrWriter().optionalString("qemu:///system").u32(0).toBuffer();
 */
export class XdrWriter {
  readonly #parts: Buffer[] = [];

  u32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new RangeError(`${value} is not an unsigned 32-bit integer`);
    }
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.#add(part);
  }

  i32(value: number): this {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff) {
      throw new RangeError(`${value} is not a signed 32-bit integer`);
    }
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.#add(part);
  }

  /** An unsigned hyper: 64 bits. */
  u64(value: bigint): this {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${value} does not fit 64 bits`);
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(value);
    return this.#add(part);
  }

  /** Bytes of a length that both sides know: no length word. */
  fixedOpaque(bytes: Buffer): this {
    return this.#add(bytes).#pad(bytes.length);
  }

  /**
   * A string that must be there.
   *
   * libvirt reads it into a C string: a NUL inside would silently cut it there, so it is refused.
   */
  string(text: string): this {
    if (text.includes("\0")) throw new TypeError("a text with a NUL character cannot be sent to libvirt");
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length > MAX_STRING_BYTES) {
      throw new RangeError(`a text of ${bytes.length} bytes is over libvirt's limit of ${MAX_STRING_BYTES}`);
    }
    return this.u32(bytes.length).#add(bytes).#pad(bytes.length);
  }

  /** XDR's optional (`*`): 0, or 1 and the string. */
  optionalString(text: string | undefined): this {
    if (text === undefined) return this.u32(0);
    return this.u32(1).string(text);
  }

  /** Everything written so far. */
  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }

  #pad(length: number): this {
    const missing = (4 - (length % 4)) % 4;
    return missing === 0 ? this : this.#add(Buffer.alloc(missing));
  }
}
