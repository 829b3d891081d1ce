/** What is said of it after so long. */
const QUIET_MS = 2000;

/**
 * Lines for whoever waits: nothing for two seconds, then what is being done, and each further line as it
 * comes.
 */
export class Progress {
  readonly #say: (line: string) => void;
  readonly #timer: NodeJS.Timeout;
  #last: string | undefined;
  #isQuiet = true;

  constructor(say: (line: string) => void, quietMs = QUIET_MS) {
    this.#say = say;
    this.#timer = setTimeout(() => this.#begin(), quietMs).unref();
  }

  tell(line: string): void {
    this.#last = line;
    if (!this.#isQuiet) this.#say(`${line} …`);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#isQuiet = true;
  }

  #begin(): void {
    this.#isQuiet = false;
    if (this.#last !== undefined) this.#say(`${this.#last} …`);
  }
}
