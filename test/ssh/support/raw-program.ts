import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { waitUntil } from "../../support/sshd";

/** A conversation with the host program by somebody who keeps to no rules. */
export class RawProgram {
  #output = "";
  #lastId = 0;

  constructor(readonly child: ChildProcessWithoutNullStreams) {
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => (this.#output += String(text)));
    child.stdin.on("error", () => undefined);
  }

  /** All that it has said. */
  get output(): string {
    return this.#output;
  }

  write(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Until it is ready, and has been told the version. */
  async begin(): Promise<this> {
    await this.#untilItSays("that it is ready", () => /^ready .*\n/m.test(this.#output));
    expect(await this.ask("speak", "2")).toEqual(["done"]);
    return this;
  }

  /** The answer to one request: its records, and `done` or `fail …`. */
  async ask(verb: string, rest = ""): Promise<readonly string[]> {
    const id = String(++this.#lastId);
    this.write(`${verb} ${id} ${rest}`);
    return this.until(id, /^(?:done|fail|freed|stale)\b|^got group-/);
  }

  /** What has come for a request, when the last line is this. */
  async until(id: string, last: RegExp): Promise<readonly string[]> {
    const lines = (): string[] =>
      this.#output.split("\n").flatMap((line) => {
        const [, verb = "", ofId, text = ""] = /^(?:= )?(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
        if (ofId !== id) return [];
        return [verb === "S" || line.startsWith(`at ${id} {`) ? text : `${verb} ${text}`.trim()];
      });
    await this.#untilItSays(`an answer to request ${id}`, () => lines().some((line) => last.test(line)));
    return lines();
  }

  async #untilItSays(what: string, isTrue: () => boolean): Promise<void> {
    await waitUntil(what, isTrue).catch((cause: unknown) => {
      throw new Error(`${String(cause)}; it said: ${this.#output}`);
    });
  }

  get lastId(): string {
    return String(this.#lastId);
  }
}
