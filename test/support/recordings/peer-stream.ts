import { Duplex } from "node:stream";

/** The client's end of a connection in memory: what it writes goes to `onWrite`, `push` brings it bytes. */
export class PeerStream extends Duplex {
  constructor(private readonly onWrite: (chunk: Buffer) => void) {
    super();
  }

  override _read(): void {
    // bytes come when the peer pushes them
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.onWrite(chunk);
    done();
  }
}
