import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { PeerStream } from "./peer-stream";
import { MessageSplitter } from "../../../provider/libvirt-rpc/message-splitter";

/** One message as it went over the wire, length word included. */
export interface RecordedFrame {
  readonly from: "client" | "server";
  readonly hex: string;
}

/**
 * A conversation with a real libvirtd: test/fixtures/libvirt-rpc/<name>.json, made by tools/record/rpc.ts.
 */
export interface Recording {
  readonly scenario: string;
  readonly recordedWith: {
    readonly command: string;
    readonly host: string;
    readonly libvirt: string;
    readonly qemu: string;
    readonly user: string;
  };
  readonly frames: readonly RecordedFrame[];
}

export const recordingsFolder = join(__dirname, "..", "..", "fixtures", "libvirt-rpc");

export function readRecording(scenario: string): Recording {
  return JSON.parse(readFileSync(join(recordingsFolder, `${scenario}.json`), "utf8")) as Recording;
}

/**
 * Plays the server's side of a recording. Each message of the client must be the recorded one, byte for byte
 * and in its place; what the server sent after it in the recording follows at once.
 */
export class ReplayPeer {
  readonly stream: Duplex = new PeerStream((chunk) => this.#splitter.push(chunk));
  readonly #splitter: MessageSplitter;
  readonly #differences: string[] = [];
  #position = 0;

  constructor(private readonly frames: readonly RecordedFrame[]) {
    this.#splitter = new MessageSplitter((bytes) => this.#onClientMessage(bytes));
  }

  /** What the client did otherwise than in the recording; the last line of a test expects it to be empty. */
  findDifferences(): string[] {
    const unused = this.frames.length - this.#position;
    return unused === 0
      ? this.#differences
      : [...this.#differences, `${unused} recorded messages were not reached`];
  }

  #onClientMessage(bytes: Buffer): void {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(bytes.length + 4);
    const sent = Buffer.concat([word, bytes]).toString("hex");
    const expected = this.frames[this.#position];
    if (expected?.from !== "client" || expected.hex !== sent) {
      this.#differences.push(`message ${this.#position}: sent ${sent}, recorded ${JSON.stringify(expected)}`);
      this.stream.destroy();
      return;
    }
    this.#position++;
    setImmediate(() => this.#sendServerMessages()); // never inside the client's own write
  }

  #sendServerMessages(): void {
    const position = this.#position;
    const next = this.frames[position];
    if (next?.from !== "server") return;
    this.#position++;
    this.stream.push(Buffer.from(next.hex, "hex"));
    // if the client answered inside the push, what follows is sent after that answer
    if (this.#position === position + 1) this.#sendServerMessages();
  }
}
