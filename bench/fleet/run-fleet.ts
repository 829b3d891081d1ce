import { outcomeOf, type Outcome, type Report, type Running } from "../outcome";
import { describeFleet, type FleetMeasured } from "./describe-fleet";
import { Fleet } from "./fleet";
import { PROVIDER, SCRIPT_OVER_SSH } from "./fleet-row";
import { fleetSizes, HOSTS, isSmall, nameSize, type FleetSize } from "./fleet-size";
import { countLoginProcesses } from "./login-processes";
import { byProvider, type ProviderResult } from "./provider-way";
import {
  byControlMaster,
  byOneSshPerStep,
  byScriptOnHost,
  byScriptOverSsh,
  type ShellResult,
} from "./shell-ways";
import { inTurns, type Turn } from "./turns";

/** A way of a comparison, in the order of the table. */
interface Way {
  readonly name: string;
  readonly run: (fleet: Fleet, parallel: number) => Promise<ShellResult | ProviderResult>;
  /** Default: at every size. */
  readonly isFor?: (size: FleetSize) => boolean;
  /** Judged by a bar, and so run more often. */
  readonly isJudged?: boolean;
  /** Run once, and left out where there is no time. */
  readonly isDear?: boolean;
}

const WAYS: readonly Way[] = [
  { name: PROVIDER, run: (fleet, parallel) => byProvider(fleet, { parallel }), isJudged: true },
  {
    name: "one ssh for each step",
    run: byOneSshPerStep,
    isDear: true,
    // thousands of logins; what they cost does not hang on how many hosts they are spread over
    isFor: ({ attachments, hosts }) => attachments <= 16 || hosts === Math.max(...HOSTS),
  },
  { name: "each step over a ControlMaster", run: byControlMaster },
  { name: SCRIPT_OVER_SSH, run: byScriptOverSsh, isJudged: true },
  { name: "the script on the host itself", run: byScriptOnHost },
];

/** How often what a bar judges is run with a size; what is quick is uneven. */
export function judgedRuns(size: FleetSize, quick: boolean): number {
  if (quick) return 1;
  return isSmall(size) ? 9 : 3;
}

/** How often the ways beside it are. */
function runsOf({ isJudged, isDear }: Way, size: FleetSize, quick: boolean): number {
  if (isJudged) return judgedRuns(size, quick);
  return quick || isDear || !isSmall(size) ? 1 : 3;
}

interface FleetOptions extends Running {
  readonly parallel: number;
  readonly quick: boolean;
  /** Default: those of the page. */
  readonly sizes?: readonly FleetSize[];
}

/** All sizes by all ways. */
export async function runFleet(options: FleetOptions): Promise<Report> {
  const { parallel, quick, sizes = fleetSizes(quick) } = options;
  const measured: FleetMeasured[] = [];
  for (const size of sizes)
    measured.push(options.isEnding() ? { size, rows: [] } : await runSize(size, options));
  return describeFleet(measured, { parallel, quick });
}

async function runSize(size: FleetSize, options: FleetOptions): Promise<FleetMeasured> {
  const { parallel, quick, meter, mayRepeat, isEnding, log } = options;
  const what = nameSize(size);
  log(`${what}: starting hosts and guests`);
  const started = await outcomeOf(() => Fleet.start(size.attachments, size.hosts, meter));
  if ("failure" in started) {
    log(`${what}: failed: ${started.failure}`);
    return { size, rows: [{ size, way: PROVIDER, outcome: started, runs: 0 }] };
  }
  const fleet = started.result;
  try {
    const turns = WAYS.filter(({ isFor }) => isFor?.(size) !== false).map(
      (way): Turn<ShellResult | ProviderResult> => ({
        name: way.name,
        runs: runsOf(way, size, quick),
        ...(way.isDear && { isDear: true }),
        run: () => way.run(fleet, parallel),
      }),
    );
    const onRun = (way: string, outcome: Outcome<ShellResult>): void =>
      log(`${what}, ${way}: ${tellOutcome(outcome)}`);
    const login = size.attachments === 1 ? await outcomeOf(() => countLoginProcesses(fleet)) : undefined;
    const turned = await inTurns(turns, { mayRepeat, isEnding, onRun });
    const rows = turned.map(({ name, ...own }) => ({ size, way: name, ...own }));
    return { size, rows, ...(login && { login }) };
  } finally {
    await fleet.close();
  }
}

/** What a run took, for the log. */
export function tellOutcome(outcome: Outcome<ShellResult>): string {
  if ("failure" in outcome) return `failed: ${outcome.failure}`;
  const { attach, detach } = outcome.result;
  return `${attach.seconds.toFixed(2)} s + ${detach.seconds.toFixed(2)} s`;
}
