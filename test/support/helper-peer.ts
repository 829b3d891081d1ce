import type { HelperHost } from "../../provider/host/helper";
import { PeerStream } from "./recordings/peer-stream";

/** What a {@link HelperPeer} is started with. */
export interface HelperPeerOptions {
  /** Called for each line that the program is sent, after its own text. */
  readonly onRequest?: (verb: string, id: string, rest: string) => void;
  /** What is said at once, by whoever runs there. */
  readonly greeting?: string;
  /** How many bytes of the program's own text come first. */
  readonly programBytes?: number;
  readonly code?: number | null;
  /** Whether it goes on though it is asked to end. */
  readonly ignoresQuit?: boolean;
}

/** A host on which a program of the helper's form runs, whose part a test plays: both of its streams. */
export class HelperPeer implements HelperHost {
  readonly label = "root@hv1:22";
  /** Why this connection was ended. */
  readonly ended: Error[] = [];
  /** Commands that were started. */
  readonly commands: string[] = [];
  /** Lines of requests, in order. */
  readonly requests: string[] = [];
  stdio!: PeerStream;
  readonly #options: HelperPeerOptions;
  #onStderr: (chunk: Buffer) => void = () => undefined;
  #stderrText = "";

  constructor(options: HelperPeerOptions = {}) {
    this.#options = options;
  }

  readonly exec: HelperHost["exec"] = (command) => {
    this.commands.push(command);
    let toSkip = this.#options.programBytes ?? 0;
    let rest = "";
    this.stdio = new PeerStream((chunk) => {
      const taken = Math.min(toSkip, chunk.length);
      toSkip -= taken;
      const lines = (rest + chunk.subarray(taken).toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    });
    const { stdio } = this;
    const { greeting, code = null } = this.#options;
    if (greeting !== undefined) stdio.push(greeting);
    const exited = new Promise<{ code: number | null }>((resolve) =>
      stdio.once("close", () => resolve({ code })),
    );
    const told = (): string => this.#stderrText;
    return Promise.resolve({
      stdio,
      exited,
      get stderrText() {
        return told();
      },
      readStderr: (listener: (chunk: Buffer) => void) => void (this.#onStderr = listener),
    });
  };

  destroy(reason: Error): void {
    this.ended.push(reason);
  }

  /** The children's answers, in these pieces. */
  say(...pieces: readonly string[]): void {
    for (const piece of pieces) this.stdio.push(Buffer.from(piece, "utf8"));
  }

  /** On standard error, in these pieces. */
  sayOnStderr(...pieces: readonly string[]): void {
    for (const piece of pieces) {
      this.#stderrText += piece;
      this.#onStderr(Buffer.from(piece, "utf8"));
    }
  }

  #take(line: string): void {
    if (line === "beat") return;
    this.requests.push(line);
    const [verb = "", id = "", ...rest] = line.split(" ");
    if (line === "quit" && this.#options.ignoresQuit !== true) this.stdio.destroy();
    setImmediate(() => this.#options.onRequest?.(verb, id, rest.join(" ")));
  }
}
