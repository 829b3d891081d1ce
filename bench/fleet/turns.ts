import { middleOf } from "../median";
import { outcomeOf, type Outcome } from "../outcome";

/** One of several ways to do the same, which are compared. */
export interface Turn<T> {
  readonly name: string;
  /** How often it is run, if there is time. */
  readonly runs: number;
  /** Left out where there is no time. */
  readonly isDear?: boolean;
  readonly run: () => Promise<T>;
}

/** What a way's runs came to: the median of each figure. */
export interface Turned<T> {
  readonly name: string;
  readonly outcome: Outcome<T>;
  /** How many runs the figures are the medians of. */
  readonly runs: number;
}

/** When to stop, and who is told. */
export interface TurnOptions<T> {
  readonly mayRepeat: () => boolean;
  readonly isEnding: () => boolean;
  readonly onRun: (name: string, outcome: Outcome<T>) => void;
}

/**
 * Runs the ways in turns, each once before any is run again: what else the machine does meanwhile, and what
 * becomes slower with time, is the same for all. A way that has failed is not run again. One that was not
 * begun is not told of.
 */
export async function inTurns<T extends object>(
  ways: readonly Turn<T>[],
  { mayRepeat, isEnding, onRun }: TurnOptions<T>,
): Promise<Turned<T>[]> {
  const results = ways.map((): T[] => []);
  const failures = new Map<number, Outcome<T>>();
  const most = Math.max(...ways.map((way) => way.runs));
  for (let round = 0; round < most; round++)
    for (const [n, way] of ways.entries()) {
      const isFree = round === 0 && !way.isDear;
      if (round >= way.runs || failures.has(n) || isEnding() || !(isFree || mayRepeat())) continue;
      const outcome = await outcomeOf(way.run);
      onRun(way.name, outcome);
      if ("failure" in outcome) failures.set(n, outcome);
      else results[n]?.push(outcome.result);
    }
  return ways.flatMap(({ name }, n): Turned<T>[] => {
    const own = results[n] ?? [];
    const outcome = failures.get(n) ?? (own.length > 0 ? { result: middleOf(own) } : undefined);
    return outcome ? [{ name, outcome, runs: own.length }] : [];
  });
}
