import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PeerStream } from "../../../support/recordings/peer-stream";

type Line = { readonly client: string } | { readonly qemu: string };

/** A dialogue with a real QEMU, as tools/record/qmp-socket.ts has recorded it. */
export function readDialogue(name: string): readonly Line[] {
  const file = join(__dirname, "..", "..", "..", "fixtures", "qmp-socket", `${name}.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { lines: readonly Line[] }).lines;
}

/**
 * A QEMU that says what was recorded, each time after what the client said then; anything else fails the
 * script.
 */
export class ScriptedQemu {
  readonly stream: PeerStream;
  /** What went otherwise than in the script. */
  readonly surprises: string[] = [];
  readonly #lines: Line[];
  #text = "";

  constructor(lines: readonly Line[]) {
    this.#lines = [...lines];
    this.stream = new PeerStream((chunk) => this.#hear(chunk.toString()));
    this.#say();
  }

  /** What of the script nobody has asked for. */
  get unused(): number {
    return this.#lines.length;
  }

  #hear(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      const next = this.#lines.shift();
      if (next === undefined || !("client" in next) || next.client !== line) this.surprises.push(line);
      this.#say();
    }
  }

  #say(): void {
    for (let next = this.#lines[0]; next !== undefined && "qemu" in next; next = this.#lines[0]) {
      this.#lines.shift();
      this.stream.push(`${next.qemu}\r\n`);
    }
  }
}

/** A peer that says this, and then what `answer` makes of each line of the client's. */
export function peerThat(greeting: string, answer: (line: string) => string = () => ""): PeerStream {
  const stream: PeerStream = new PeerStream((chunk) => {
    for (const line of chunk.toString().split("\n")) if (line !== "") stream.push(answer(line));
  });
  stream.push(greeting);
  return stream;
}

/** What QEMU 7.2 says first. */
export const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}\r\n';

/** An answer without content to whatever is asked. */
export function agree(line: string): string {
  const { id } = JSON.parse(line) as { readonly id: string };
  return `{"return": {}, "id": ${JSON.stringify(id)}}\r\n`;
}
