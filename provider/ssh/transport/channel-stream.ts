import { Duplex } from "node:stream";
import type { ClientChannel, Channel } from "ssh2";

type Done = (error?: Error | null) => void;

/** Of ssh2's channel, what its types do not tell: how many bytes the peer may still send. */
interface Windowed {
  readonly incoming?: { readonly window: number };
}

/**
 * An SSH channel as a plain Duplex.
 *
 * ssh2's own channel keeps a writer waiting for ever when the channel ends under it, and ends cleanly when
 * the connection is lost. This one fails the pending write, and after a lost connection it is destroyed
 * with the cause, so that no reader takes a cut for the end of the answer. And a peer that sends more than it
 * may is cut off: ssh2 would keep all of it for a reader that has paused.
 */
export class ChannelStream extends Duplex {
  readonly #channel: Channel | ClientChannel;
  #pendingWrite: Done | undefined;
  #isClosedByPeer = false;
  #hasEndedReading = false;

  constructor(channel: Channel | ClientChannel) {
    // Both directions have ended before the exit status arrives: the end is when the peer closes.
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#channel = channel;
    // A stream that nobody looks at any more must not end the whole process when its connection is lost.
    this.on("error", () => undefined);
    const keep = channel.push.bind(channel);
    channel.push = (chunk: Buffer | null) => this.#isWithinWindow(chunk) && keep(chunk);
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on("end", () => this.#endReading());
    channel.on("close", () => this.#onPeerClosed());
    channel.on("error", (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    if (this.#isClosedByPeer) {
      const error = new Error("the peer has closed the channel");
      done(error);
      this.destroy(error);
      return;
    }
    this.#pendingWrite = done;
    this.#channel.write(chunk, encoding, () => this.#finishWrite(null));
  }

  override _final(done: Done): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#finishWrite(error ?? new Error("the channel was closed"));
    this.#channel.destroy();
    done(error);
  }

  /** ssh2 has counted the chunk already. */
  #isWithinWindow(chunk: Buffer | null): boolean {
    const { incoming } = this.#channel as Windowed;
    if (chunk === null || (incoming?.window ?? 0) >= 0) return true;
    this.destroy(new Error("the host sent more than the channel's window allows"));
    return false;
  }

  #finishWrite(error: Error | null): void {
    const done = this.#pendingWrite;
    this.#pendingWrite = undefined;
    done?.(error);
  }

  #endReading(): void {
    if (this.#hasEndedReading || this.destroyed) return;
    this.#hasEndedReading = true;
    this.push(null);
  }

  #onPeerClosed(): void {
    this.#isClosedByPeer = true;
    if (this.destroyed) return;
    this.#endReading();
    if (this.#pendingWrite !== undefined) {
      this.destroy(new Error("the peer has closed the channel"));
    } else if (this.readableEnded) {
      this.destroy();
    } else {
      // What has arrived may still be read; then nothing is left to do here.
      this.once("end", () => this.destroy());
    }
  }
}
