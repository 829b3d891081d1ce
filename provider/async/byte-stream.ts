/**
 * A stream of bytes to a peer, with no more than a protocol needs of it. Bytes in both directions, and word
 * of the end. A stream of Node's is one as it is; whoever has another way puts it into this form.
 */
export interface ByteStream {
  /** Whether it has ended by {@link destroy} or by itself, so that its events may be past. */
  readonly destroyed: boolean;
  /** Sends these bytes behind all before. @param onWritten called when they have left this process */
  write(bytes: string | Uint8Array, onWritten?: () => void): unknown;
  /** Ends it at once, both ways. */
  destroy(): unknown;
  /** What the peer sends, in any pieces. */
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  /** The way has failed: nothing more is read or sent. */
  on(event: "error", listener: (cause: Error) => void): unknown;
  /** `end`: the peer sends no more; `close`: nothing follows, whoever ended it. */
  on(event: "end" | "close", listener: () => void): unknown;
}
