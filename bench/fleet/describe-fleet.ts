import { lineChart } from "../chart";
import type { Outcome, Report } from "../outcome";
import { tableOf } from "../page";
import { judgeFleet, tellFigure, tellMissed, type FleetFigures, type Verdict } from "./bars";
import { PROVIDER, SCRIPT_OVER_SSH, sumOf, type FleetRow } from "./fleet-row";
import { ATTACHMENTS, countHosts, HOSTS, isSmall, nameSize, type FleetSize } from "./fleet-size";
import type { ShellResult } from "./shell-ways";

/** What one size came to. */
export interface FleetMeasured {
  readonly size: FleetSize;
  readonly rows: readonly FleetRow[];
  /** Processes that a login starts which runs nothing; of one attachment alone. */
  readonly login?: Outcome<number>;
}

/** Tables and chart of what was measured, and the judgement by the bars. */
export function describeFleet(
  measured: readonly FleetMeasured[],
  { parallel, quick }: { readonly parallel: number; readonly quick: boolean },
): Report {
  const rows = measured.flatMap((one) => one.rows);
  const failures = measured.flatMap(failuresOf);
  const figures = measured.map(figuresOf);
  const verdicts = judgeFleet(figures, quick);
  const missed = tellMissed(verdicts);
  const lines = [
    "![Seconds of attach and detach by attachments, for 1, 4 and 8 hosts](benchmark-fleet.svg)",
    "",
    `Up to ${parallel} attachments at a time.`,
    "",
    ...costTable(rows),
    "",
    "Of this provider:",
    "",
    ...providerTable(rows),
    "",
    "The bars:",
    "",
    ...barTable(verdicts),
    ...loginLines(figures),
    ...(failures.length > 0 ? ["", "Failed:", "", ...failures.map((one) => `- ${one}`)] : []),
  ];
  return {
    lines,
    charts: { "benchmark-fleet.svg": chartOf(rows) },
    failures: [...failures, ...missed.map((one) => `the bar is not met with ${one}`)],
  };
}

function failuresOf({ size, rows, login }: FleetMeasured): string[] {
  const ways = rows.map(({ way, outcome }) => [way, outcome] as const);
  return [...ways, ["a login that runs nothing", login] as const].flatMap(([what, outcome]) =>
    outcome && "failure" in outcome ? [`${nameSize(size)}, ${what}: ${outcome.failure}`] : [],
  );
}

function figuresOf({ size, rows, login }: FleetMeasured): FleetFigures {
  const resultOf = (way: string): ShellResult | undefined => {
    const outcome = rows.find((row) => row.way === way)?.outcome;
    return outcome && "result" in outcome ? outcome.result : undefined;
  };
  const [provider, script] = [resultOf(PROVIDER), resultOf(SCRIPT_OVER_SSH)];
  return {
    size,
    ...(provider && { provider }),
    ...(script && { script }),
    ...(login && "result" in login && { loginProcesses: login.result }),
  };
}

/** Short times are told more closely. */
function secondsDigits(size: FleetSize): number {
  return isSmall(size) ? 2 : 1;
}

function costTable(rows: readonly FleetRow[]): string[] {
  const head = ["attachments", "hosts", "way", "runs", "attach (s)", "detach (s)", "SSH handshakes"];
  return tableOf(
    [...head, "processes on the hosts", "round trips", "processor time of all (s)"],
    rows.map(({ size, way, outcome, runs }) => {
      const place = [size.attachments, size.hosts, way, runs];
      if ("failure" in outcome) return [...place, "failed", "", "", "", "", ""];
      const { result } = outcome;
      const digits = secondsDigits(size);
      const seconds = [result.attach.seconds, result.detach.seconds].map((one) => one.toFixed(digits));
      const counts = (["handshakes", "processes", "roundTrips"] as const).map((one) => sumOf(result, one));
      return [...place, ...seconds, ...counts, sumOf(result, "cpuSeconds").toFixed(digits)];
    }),
  );
}

function providerTable(rows: readonly FleetRow[]): string[] {
  const own = rows.flatMap(({ size, outcome }) =>
    "result" in outcome && "stateBytes" in outcome.result ? [{ size, of: outcome.result }] : [],
  );
  return tableOf(
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
      of.previewOfCreate.seconds.toFixed(secondsDigits(size)),
      of.previewOfNothing.seconds.toFixed(secondsDigits(size)),
      (of.peakRssBytes / 2 ** 20).toFixed(0),
      of.providerCpuSeconds.toFixed(1),
      of.stateBytes,
      of.shimBytes,
    ]),
  );
}

function barTable(verdicts: readonly Verdict[]): string[] {
  return tableOf(
    ["attachments", "hosts", "figure of the provider", "measured", "at most", "met"],
    verdicts.map((one) => {
      const { size, what, most, isMet } = one;
      return [size.attachments, size.hosts, what, tellFigure(one), most, isMet ? "yes" : "no"];
    }),
  );
}

/** How the processes of one attachment were counted. */
function loginLines(figures: readonly FleetFigures[]): string[] {
  return figures.flatMap(({ provider, loginProcesses }) =>
    provider && loginProcesses !== undefined
      ? [
          "",
          `A login that runs nothing starts ${loginProcesses} processes on the host. One attachment starts ` +
            `${sumOf(provider, "processes")} with its two, ` +
            `${provider.attach.processes} to attach and ${provider.detach.processes} to detach.`,
        ]
      : [],
  );
}

function chartOf(rows: readonly FleetRow[]): string {
  const ways = [...new Set(rows.map((row) => row.way))];
  const valueOf = (way: string, { attachments, hosts }: FleetSize): number | undefined => {
    const row = rows.find(
      ({ size, ...one }) => one.way === way && size.attachments === attachments && size.hosts === hosts,
    );
    return row && "result" in row.outcome ? sumOf(row.outcome.result, "seconds") : undefined;
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
