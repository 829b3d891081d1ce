import { LibvirtProtocolError } from "./errors";
import { HEADER_BYTES, LENGTH_WORD_BYTES, MAX_MESSAGE_BYTES } from "./limits";

/** What an idle connection keeps; most messages fit. */
const IDLE_BYTES = 8_192;

/**
 * Cuts a stream of bytes into messages, however they were chopped on the way.
 *
 * Memory follows what has *arrived*, never what a length word claims: at most twice the bytes received of
 * the message under way, itself at most 32 MiB.
 */
export class MessageSplitter {
  #buffer = Buffer.alloc(IDLE_BYTES);
  #filled = 0;

  /** @param onMessage gets each message without its length word; the bytes are valid only during the call. */
  constructor(private readonly onMessage: (message: Buffer) => void) {}

  /** Bytes of a message whose end has not arrived. */
  get incompleteBytes(): number {
    return this.#filled;
  }

  /** @throws LibvirtProtocolError on an impossible length, and whatever `onMessage` throws. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#filled < LENGTH_WORD_BYTES) {
        rest = this.#fillUpTo(LENGTH_WORD_BYTES, rest);
        if (this.#filled < LENGTH_WORD_BYTES) return;
      }
      const length = this.#parseLength();
      rest = this.#fillUpTo(length, rest);
      if (this.#filled < length) return;
      const message = this.#buffer.subarray(LENGTH_WORD_BYTES, length);
      this.#filled = 0;
      if (this.#buffer.length > IDLE_BYTES) this.#buffer = Buffer.alloc(IDLE_BYTES);
      this.onMessage(message);
    }
  }

  #parseLength(): number {
    const length = this.#buffer.readUInt32BE();
    if (length < LENGTH_WORD_BYTES + HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
      throw new LibvirtProtocolError(
        `message length ${length}${this.#findTextHint()}, ` +
          `expected ${LENGTH_WORD_BYTES + HEADER_BYTES} to ${MAX_MESSAGE_BYTES}`,
      );
    }
    return length;
  }

  /** A login shell that greets, or a program that complains, in place of libvirtd. */
  #findTextHint(): string {
    const word = this.#buffer.toString("latin1", 0, LENGTH_WORD_BYTES);
    return /^[\x20-\x7e\r\n\t]+$/.test(word)
      ? ` (the far end sends text, it begins ${JSON.stringify(word)})`
      : "";
  }

  /** Takes what is missing up to `target` bytes of the message; returns what is not needed for it. */
  #fillUpTo(target: number, bytes: Buffer): Buffer {
    const count = Math.min(target - this.#filled, bytes.length);
    this.#reserve(this.#filled + count);
    bytes.copy(this.#buffer, this.#filled, 0, count);
    this.#filled += count;
    return bytes.subarray(count);
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(size, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#filled);
    this.#buffer = larger;
  }
}
