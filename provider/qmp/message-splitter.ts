import { QmpProtocolError } from "./qmp-error";
import { MAX_REPLY_CHARACTERS, MAX_REPLY_DEPTH } from "./reply";

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = Buffer.from('"\\[]{}');
const WHITE_SPACE = new Set(Buffer.from(" \t\r\n"));

/**
 * Cuts what a monitor sends into messages. A message is an object of JSON, on one line or, of a monitor with
 * `pretty=on`, on several; so brackets are counted, not lines. Each byte is looked at once; whether the JSON
 * is any is its parser's business.
 */
export class MessageSplitter {
  #pieces: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /**
   * The messages that this piece completes.
   *
   * @throws QmpProtocolError at anything between two messages, at one that is too long or too deep
   */
  push(chunk: Buffer): string[] {
    const messages: string[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#depth === 0) {
        if (byte === OPEN) start = at;
        else if (WHITE_SPACE.has(byte)) continue;
        else throw new QmpProtocolError("what it sends is no object of JSON");
      }
      this.#read(byte);
      if (this.#depth > 0) continue;
      messages.push(Buffer.concat([...this.#pieces, chunk.subarray(start, at + 1)]).toString("utf8"));
      this.#pieces = [];
      this.#size = 0;
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
    return messages;
  }

  #read(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInString) {
      if (byte === QUOTE) this.#isInString = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
    } else if (byte === QUOTE) this.#isInString = true;
    else if (byte === OPEN || byte === OPEN_LIST) this.#depth += 1;
    else if (byte === CLOSE || byte === CLOSE_LIST) this.#depth -= 1;
    if (this.#depth > MAX_REPLY_DEPTH)
      throw new QmpProtocolError(`a message is more than ${MAX_REPLY_DEPTH} levels deep`);
  }

  #keep(rest: Buffer): void {
    this.#pieces.push(rest);
    this.#size += rest.length;
    if (this.#size > MAX_REPLY_CHARACTERS)
      throw new QmpProtocolError(`a message of over ${MAX_REPLY_CHARACTERS} bytes is too long`);
  }
}
