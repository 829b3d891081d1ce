import { currentCommit } from "../../test/support/commit";
import { outcomeOf, type Outcome, type Report, type Running } from "../outcome";
import { AFTER, BEFORE, describeChange, type ChangeMeasured } from "./describe-change";
import { EarlierBuild } from "./earlier-build";
import { Fleet } from "./fleet";
import { SCRIPT_OVER_SSH } from "./fleet-row";
import { fleetSizes, nameSize, type FleetSize } from "./fleet-size";
import { countLoginProcesses } from "./login-processes";
import { byProvider, type ProviderResult } from "./provider-way";
import { judgedRuns, tellOutcome } from "./run-fleet";
import { byScriptOverSsh, type ShellResult } from "./shell-ways";
import { inTurns, type Turn } from "./turns";

interface ChangeOptions extends Running {
  readonly against: string;
  readonly parallel: number;
  readonly quick: boolean;
  /** Default: those of the page. */
  readonly sizes?: readonly FleetSize[];
}

/**
 * The provider of an earlier commit, that of this tree and a script over one ssh, in turns, on the same
 * hosts.
 */
export async function runChange(options: ChangeOptions): Promise<Report> {
  const { against, quick, sizes = fleetSizes(quick) } = options;
  // of what runs now: work goes on beside it
  const after = currentCommit();
  const earlier = await EarlierBuild.make(against);
  try {
    const measured: ChangeMeasured[] = [];
    for (const size of sizes) if (!options.isEnding()) measured.push(await runSize(size, earlier, options));
    return describeChange(measured, { before: earlier.commit, after });
  } finally {
    await earlier.close();
  }
}

async function runSize(
  size: FleetSize,
  earlier: EarlierBuild,
  { parallel, quick, meter, mayRepeat, isEnding, log }: ChangeOptions,
): Promise<ChangeMeasured> {
  const what = nameSize(size);
  log(`${what}: starting hosts and guests`);
  const fleet = await Fleet.start(size.attachments, size.hosts, meter);
  const runs = judgedRuns(size, quick);
  const { folder } = earlier;
  const turns: readonly Turn<ProviderResult | ShellResult>[] = [
    { name: BEFORE, runs, run: () => byProvider(fleet, { parallel, folder }) },
    { name: AFTER, runs, run: () => byProvider(fleet, { parallel }) },
    { name: SCRIPT_OVER_SSH, runs, run: () => byScriptOverSsh(fleet, parallel) },
  ];
  const onRun = (way: string, outcome: Outcome<ShellResult>): void =>
    log(`${what}, ${way}: ${tellOutcome(outcome)}`);
  try {
    const login = size.attachments === 1 ? await outcomeOf(() => countLoginProcesses(fleet)) : undefined;
    const turned = await inTurns(turns, { mayRepeat, isEnding, onRun });
    return { size, ways: turned, ...(login && { login }) };
  } finally {
    await fleet.close();
  }
}
