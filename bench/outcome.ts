import type { CpuMeter } from "./cpu-meter";

/** What became of one piece of a run: a failure in one keeps the others. */
export type Outcome<T> = { readonly result: T } | { readonly failure: string };

/** Tries it, and tells what went wrong. */
export async function outcomeOf<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { result: await work() };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return { failure: message.split("\n")[0]?.slice(0, 200) ?? "" };
  }
}

/** What a piece hands over: its part of the page, its charts by file name, and what failed. */
export interface Report {
  readonly lines: readonly string[];
  readonly charts: Readonly<Record<string, string>>;
  readonly failures: readonly string[];
}

/** What every piece is given. */
export interface Running {
  readonly meter: CpuMeter;
  /** Whether there is time to run something once more. */
  readonly mayRepeat: () => boolean;
  /** Whether nothing more is to be begun: what was measured until then is told. */
  readonly isEnding: () => boolean;
  readonly log: (line: string) => void;
}
