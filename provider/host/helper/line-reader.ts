/** No answer of the program's is longer than about 1100 bytes. */
export const LINE_LIMIT = 8 * 1024;

/** Makes lines of the pieces of one stream. */
export class LineReader {
  #rest = "";

  /** @returns the lines that are whole by now; undefined if one is longer than {@link LINE_LIMIT} */
  push(text: string): string[] | undefined {
    if (!text.includes("\n")) {
      // put together when its end has come: a peer that sends byte after byte must not have each copied with
      // all before
      this.#rest += text;
      return this.#isTooLong ? undefined : [];
    }
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return this.#isTooLong ? undefined : lines;
  }

  get #isTooLong(): boolean {
    return this.#rest.length > LINE_LIMIT;
  }
}
