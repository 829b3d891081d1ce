import { sumOf } from "./fleet-row";
import { nameSize, type FleetSize } from "./fleet-size";
import type { ShellResult } from "./shell-ways";

/** What was measured with one size; undefined where it was not, or has failed. */
export interface FleetFigures {
  readonly size: FleetSize;
  readonly provider?: ShellResult;
  /** The script over one ssh. */
  readonly script?: ShellResult;
  /** Processes that a login starts which runs nothing. */
  readonly loginProcesses?: number;
}

/** A figure of the provider that is not to be above a limit. */
interface FleetBar {
  readonly what: string;
  readonly most: number;
  /** Digits behind the point when it is told; it is judged as it is. */
  readonly digits: number;
  /** Whether one run of it says enough. */
  readonly isCount?: boolean;
  readonly isFor: (size: FleetSize) => boolean;
  readonly figureOf: (provider: ShellResult, figures: FleetFigures) => number;
}

/** What a bar came to with one size. */
export interface Verdict {
  readonly size: FleetSize;
  readonly what: string;
  /** Not a number if it was not measured. */
  readonly figure: number;
  readonly most: number;
  readonly digits: number;
  readonly isMet: boolean;
}

/** From so many attachments on the provider has to be quicker than the script, and not as quick alone. */
const LARGE = 16;
const TIME = "time, of that of a script over one ssh";
const PROCESSOR_TIME = "processor time of all, of that of a script over one ssh";
const PROCESSES = "processes for attach and detach, without their two logins";

const BARS: readonly FleetBar[] = [
  {
    what: TIME,
    most: 1,
    digits: 3,
    isFor: ({ attachments }) => attachments < LARGE,
    figureOf: (provider, { script }) => ratioOf(provider, script, "seconds"),
  },
  {
    what: TIME,
    most: 0.9,
    digits: 3,
    isFor: ({ attachments }) => attachments >= LARGE,
    figureOf: (provider, { script }) => ratioOf(provider, script, "seconds"),
  },
  {
    what: PROCESSOR_TIME,
    most: 0.85,
    digits: 3,
    isFor: ({ attachments }) => attachments >= LARGE,
    figureOf: (provider, { script }) => ratioOf(provider, script, "cpuSeconds"),
  },
  {
    what: PROCESSES,
    most: 20,
    digits: 0,
    isCount: true,
    isFor: ({ attachments }) => attachments === 1,
    figureOf: (provider, { loginProcesses }) => processesOfOne(provider, loginProcesses),
  },
];

/** Processes of attach and detach, each over a connection of its own, without those of the two logins. */
export function processesOfOne(provider: ShellResult, loginProcesses = Number.NaN): number {
  return sumOf(provider, "processes") - 2 * loginProcesses;
}

/** What one way takes of another; not a number where the other was not measured. */
export function ratioOf(
  of: ShellResult,
  by: ShellResult | undefined,
  figure: "seconds" | "cpuSeconds",
): number {
  return by ? sumOf(of, figure) / sumOf(by, figure) : Number.NaN;
}

/**
 * Judges all sizes by all bars that are for them.
 *
 * @param quick one run each, which is judged by counts alone
 */
export function judgeFleet(measured: readonly FleetFigures[], quick: boolean): Verdict[] {
  return measured.flatMap((figures) =>
    BARS.filter((bar) => bar.isFor(figures.size) && (!quick || bar.isCount)).map((bar) => {
      const { what, most, digits } = bar;
      const figure = figures.provider ? bar.figureOf(figures.provider, figures) : Number.NaN;
      return { size: figures.size, what, figure, most, digits, isMet: figure <= most };
    }),
  );
}

/** The measured figure in words. */
export function tellFigure({ figure, digits }: Verdict): string {
  return Number.isNaN(figure) ? "not measured" : figure.toFixed(digits);
}

/** The bars that are not met, each in a line. */
export function tellMissed(verdicts: readonly Verdict[]): string[] {
  return verdicts
    .filter((one) => !one.isMet)
    .map((one) => `${nameSize(one.size)}, ${one.what}: ${tellFigure(one)}; the bar is ${one.most}`);
}
