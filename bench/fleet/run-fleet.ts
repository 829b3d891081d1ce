import { lineChart } from "../chart";
import { medianBy } from "../median";
import { outcomeOf, type Outcome, type Report, type Running } from "../outcome";
import { tableOf } from "../page";
import { Fleet } from "./fleet";
import { byProvider, type ProviderResult } from "./provider-way";
import {
  byControlMaster,
  byOneSshPerStep,
  byScriptOnHost,
  byScriptOverSsh,
  type ShellResult,
} from "./shell-ways";

const ATTACHMENTS = [1, 4, 16, 64];
const HOSTS = [1, 4, 8];

/** So many attachments on so many hosts. */
export interface FleetSize {
  readonly attachments: number;
  readonly hosts: number;
}

/** The sizes that are measured: no host without an attachment. */
export function fleetSizes(quick: boolean): FleetSize[] {
  return HOSTS.flatMap((hosts) => ATTACHMENTS.map((attachments) => ({ attachments, hosts }))).filter(
    ({ attachments, hosts }) => attachments >= hosts && (!quick || attachments <= 4),
  );
}

const PROVIDER = "this provider";
const SHELL_WAYS: readonly {
  readonly name: string;
  readonly run: (fleet: Fleet, parallel: number) => Promise<ShellResult>;
  /** Default: at every size. */
  readonly isFor?: (size: FleetSize) => boolean;
  /** Left out where there is no time. */
  readonly isDear?: boolean;
}[] = [
  {
    name: "one ssh for each step",
    run: byOneSshPerStep,
    isDear: true,
    // thousands of logins; what they cost does not hang on how many hosts they are spread over
    isFor: ({ attachments, hosts }) => attachments <= 16 || hosts === Math.max(...HOSTS),
  },
  { name: "each step over a ControlMaster", run: byControlMaster },
  { name: "a script over one ssh", run: byScriptOverSsh },
  { name: "the script on the host itself", run: byScriptOnHost },
];

/** One size by one way. */
export interface FleetRow {
  readonly size: FleetSize;
  readonly way: string;
  readonly outcome: Outcome<ShellResult | ProviderResult>;
  /** How many runs it is the middle one of. */
  readonly runs: number;
}

interface FleetOptions extends Running {
  readonly parallel: number;
  readonly quick: boolean;
}

/** `1 host`, `8 hosts` */
export function countHosts(hosts: number): string {
  return hosts === 1 ? "1 host" : `${hosts} hosts`;
}

/** All sizes by all ways. */
export async function runFleet(options: FleetOptions): Promise<Report> {
  const rows: FleetRow[] = [];
  for (const size of fleetSizes(options.quick))
    if (!options.isEnding()) rows.push(...(await runSize(size, options)));
  return describeFleet(rows, options.parallel);
}

async function runSize(size: FleetSize, options: FleetOptions): Promise<FleetRow[]> {
  const { parallel, quick, meter, mayRepeat, isEnding, log } = options;
  const what = `${size.attachments} on ${size.hosts}`;
  log(`${what}: starting hosts and guests`);
  const started = await outcomeOf(() => Fleet.start(size.attachments, size.hosts, meter));
  if ("failure" in started) {
    log(`${what}: failed: ${started.failure}`);
    return [{ size, way: PROVIDER, outcome: started, runs: 0 }];
  }
  const fleet = started.result;
  // what is quick is uneven: the middle one of three
  const runs = quick || size.attachments > 4 ? 1 : 3;
  const rows: FleetRow[] = [];
  const take = async (way: string, run: () => Promise<ShellResult | ProviderResult>): Promise<void> => {
    const results: (ShellResult | ProviderResult)[] = [];
    const outcome = await outcomeOf(async () => {
      for (let n = 0; n < runs && (n === 0 || mayRepeat()); n++) results.push(await run());
      return medianBy(results, secondsOf);
    });
    rows.push({ size, way, outcome, runs: results.length });
    log(`${what}, ${way}: ${tellOutcome(outcome)}`);
  };
  try {
    await take(PROVIDER, () => byProvider(fleet, { parallel }));
    for (const { name, run, isFor, isDear } of SHELL_WAYS) {
      const isWanted = isFor?.(size) !== false && (!isDear || mayRepeat()) && !isEnding();
      if (isWanted) await take(name, () => run(fleet, parallel));
    }
  } finally {
    await fleet.close();
  }
  return rows;
}

function secondsOf({ attach, detach }: ShellResult): number {
  return attach.seconds + detach.seconds;
}

function tellOutcome(outcome: Outcome<ShellResult>): string {
  if ("failure" in outcome) return `failed: ${outcome.failure}`;
  const { attach, detach } = outcome.result;
  return `${attach.seconds.toFixed(1)} s + ${detach.seconds.toFixed(1)} s`;
}

/** Tables and chart of what was measured. */
export function describeFleet(rows: readonly FleetRow[], parallel: number): Report {
  const failures = rows.flatMap(({ size, way, outcome }) =>
    "failure" in outcome ? [`${size.attachments} on ${size.hosts}, ${way}: ${outcome.failure}`] : [],
  );
  const costs = tableOf(
    [
      "attachments",
      "hosts",
      "way",
      "runs",
      "attach (s)",
      "detach (s)",
      "SSH handshakes",
      "processes on the hosts",
      "round trips",
      "processor time of all (s)",
    ],
    rows.map(({ size, way, outcome, runs }) => {
      const place = [size.attachments, size.hosts, way, runs];
      if ("failure" in outcome) return [...place, "failed", "", "", "", "", ""];
      const { attach, detach } = outcome.result;
      const sum = (field: keyof typeof attach): number => attach[field] + detach[field];
      const seconds = [attach.seconds, detach.seconds].map((one) => one.toFixed(1));
      const counts = [sum("handshakes"), sum("processes"), sum("roundTrips")];
      return [...place, ...seconds, ...counts, sum("cpuSeconds").toFixed(1)];
    }),
  );
  const own = rows.flatMap(({ size, outcome }) =>
    "result" in outcome && "stateBytes" in outcome.result ? [{ size, of: outcome.result }] : [],
  );
  const ownTable = tableOf(
    [
      "attachments",
      "hosts",
      "preview of a create (s)",
      "preview without a change (s)",
      "most memory of the provider (MiB)",
      "its processor time (s)",
      "state of one resource (bytes)",
      "of these the shim",
    ],
    own.map(({ size, of }) => [
      size.attachments,
      size.hosts,
      of.previewOfCreate.seconds.toFixed(1),
      of.previewOfNothing.seconds.toFixed(1),
      (of.peakRssBytes / 2 ** 20).toFixed(0),
      of.providerCpuSeconds.toFixed(1),
      of.stateBytes,
      of.shimBytes,
    ]),
  );
  const lines = [
    "![Seconds of attach and detach by attachments, for 1, 4 and 8 hosts](benchmark-fleet.svg)",
    "",
    `Up to ${parallel} attachments at a time.`,
    "",
    ...costs,
    "",
    "Of this provider:",
    "",
    ...ownTable,
    ...(failures.length > 0 ? ["", "Failed:", "", ...failures.map((one) => `- ${one}`)] : []),
  ];
  return { lines, charts: { "benchmark-fleet.svg": chartOf(rows) }, failures };
}

function chartOf(rows: readonly FleetRow[]): string {
  const ways = [...new Set(rows.map((row) => row.way))];
  const valueOf = (way: string, { attachments, hosts }: FleetSize): number | undefined => {
    const row = rows.find(
      ({ size, ...one }) => one.way === way && size.attachments === attachments && size.hosts === hosts,
    );
    return row && "result" in row.outcome ? secondsOf(row.outcome.result) : undefined;
  };
  return lineChart({
    title: "Attach and detach of all attachments, seconds (lower is better)",
    across: "attachments",
    unit: "s",
    positions: ATTACHMENTS,
    panels: HOSTS.map((hosts) => ({
      title: countHosts(hosts),
      lines: ways.map((name) => ({
        name,
        values: ATTACHMENTS.map((attachments) => valueOf(name, { attachments, hosts })),
      })),
    })),
  });
}
