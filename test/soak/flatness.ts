import type { CycleTime, SoakResult } from "./soak";
import type { Figure } from "./target";

/** One line of the verdict: something at the start of a soak and at its end. */
export interface FlatnessRow {
  readonly what: string;
  /** At the first look, or undefined for what belongs to many cycles. */
  readonly start?: string;
  readonly firstQuarter: string;
  readonly lastQuarter: string;
  readonly end?: string;
  /** In words: up to where it counts as flat. Undefined where nothing is judged. */
  readonly bar?: string;
  readonly isFlat: boolean;
}

/** What a process does once, and never gives back, it has done by then. */
const WARM_UP_SHARE = 0.1;
/** Fewer than this in a quarter say nothing. */
const LEAST = 3;
/** Other work on the machine makes up to twice the time; whatever grows with each cycle makes more. */
const SLOWER = { factor: 2, seconds: 1 };
/** Processor time depends little on other work. */
const HARDER = { factor: 1.5, seconds: 0.05 };

const kinds = ["create", "change", "move", "destroy", "refresh", "reset"] as const;

/**
 * Compares the last quarter of a soak with the first, each by its median, so that a single slow cycle counts
 * little.
 */
export function judgeFlatness({ times, samples }: SoakResult): FlatnessRow[] {
  const last = times.at(-1)?.number ?? 0;
  const quarter = (one: CycleTime): "first" | "last" | undefined =>
    one.number <= last / 4 ? "first" : one.number > (last * 3) / 4 ? "last" : undefined;
  const undisturbed = times.filter((one) => one.guest === "runs");
  const timeRow = (
    what: string,
    some: readonly CycleTime[],
    secondsOf: (one: CycleTime) => number,
    { factor, seconds }: typeof SLOWER,
  ): FlatnessRow => {
    const [first, later] = (["first", "last"] as const).map((which) =>
      some.filter((one) => quarter(one) === which).map(secondsOf),
    ) as [number[], number[]];
    const isJudged = first.length >= LEAST && later.length >= LEAST;
    const most = Math.max(median(first) * factor, median(first) + seconds);
    return {
      what,
      firstQuarter: first.length === 0 ? "" : `${median(first).toFixed(2)} s (${first.length})`,
      lastQuarter: later.length === 0 ? "" : `${median(later).toFixed(2)} s (${later.length})`,
      ...(isJudged && { bar: `${factor} times the first, or ${seconds} s more` }),
      isFlat: !isJudged || median(later) <= most,
    };
  };
  const measured = samples.filter(({ cycle }) => cycle > last * WARM_UP_SHARE);
  const span = last * (1 - WARM_UP_SHARE);
  const early = measured.filter(({ cycle }) => cycle <= last * WARM_UP_SHARE + span / 4);
  const late = measured.filter(({ cycle }) => cycle > last - span / 4);
  const figureRow = (what: string, { unit, mayGrow }: Figure): FlatnessRow => {
    const valuesOf = (some: typeof samples): number[] =>
      some.flatMap(({ figures }) => figures[what]?.value ?? []);
    const text = (value: number): string => {
      if (Number.isNaN(value)) return "";
      return unit === "" ? String(value) : `${value.toFixed(1)} ${unit}`;
    };
    const [first, later] = [median(valuesOf(early)), median(valuesOf(late))];
    const isJudged = mayGrow !== undefined && early.length >= LEAST && late.length >= LEAST;
    return {
      what,
      start: text(valuesOf(samples)[0] ?? NaN),
      firstQuarter: text(first),
      lastQuarter: text(later),
      end: text(valuesOf(samples).at(-1) ?? NaN),
      ...(isJudged && { bar: mayGrow === 0 ? "the first" : `${text(mayGrow)} more` }),
      isFlat: !isJudged || later <= first + mayGrow,
    };
  };
  return [
    ...kinds.map((kind) =>
      timeRow(
        kind,
        undisturbed.filter((one) => one.kind === kind),
        (one) => one.seconds,
        SLOWER,
      ),
    ),
    timeRow(
      "processor time of the provider, each cycle",
      undisturbed.filter((one) => one.kind !== "reset"),
      (one) => one.processorSeconds,
      HARDER,
    ),
    ...Object.entries(samples[0]?.figures ?? {}).map(([what, figure]) => figureRow(what, figure)),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
