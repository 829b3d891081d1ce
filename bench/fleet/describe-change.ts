import type { Outcome, Report } from "../outcome";
import { tableOf } from "../page";
import { processesOfOne } from "./bars";
import type { Cost } from "./fleet";
import { SCRIPT_OVER_SSH, sumOf } from "./fleet-row";
import { countHosts, isSmall, nameSize, type FleetSize } from "./fleet-size";
import type { ProviderResult } from "./provider-way";
import type { ShellResult } from "./shell-ways";
import type { Turned } from "./turns";

/** The names of the ways that are compared; the script's is its own. */
export const BEFORE = "the provider of before";
export const AFTER = "this provider";

/** What one size came to by the ways above. */
export interface ChangeMeasured {
  readonly size: FleetSize;
  readonly ways: readonly Turned<ProviderResult | ShellResult>[];
  /** Processes that a login starts which runs nothing; of one attachment alone. */
  readonly login?: Outcome<number>;
}

/** The commits that are compared. */
export interface Commits {
  readonly before: string;
  readonly after: string;
}

const FIGURES: readonly {
  readonly name: string;
  readonly field: keyof Cost;
  /** Digits behind the point, of small sizes and of others. */
  readonly digits: readonly [number, number];
}[] = [
  { name: "seconds", field: "seconds", digits: [2, 1] },
  { name: "processor time of all (s)", field: "cpuSeconds", digits: [2, 1] },
  { name: "processes on the hosts", field: "processes", digits: [0, 0] },
  { name: "round trips", field: "roundTrips", digits: [0, 0] },
];

/** Before and after, both beside the script; the commands one by one of the most attachments. */
export function describeChange(measured: readonly ChangeMeasured[], commits: Commits): Report {
  const failures = measured.flatMap(failuresOf);
  const most = Math.max(...measured.map(({ size }) => size.attachments));
  const largest = measured.filter(({ size }) => size.attachments === most);
  return {
    lines: [
      `The provider of commit ${commits.before}, that of commit ${commits.after} and a script over one ssh, in turns; ` +
        "medians. Attach and detach together:",
      "",
      ...ratioTable(measured, commits),
      ...measured.flatMap((one) => loginLines(one, commits)),
      ...largest.flatMap((one) => commandLines(one, commits)),
      ...(failures.length > 0 ? ["", "Failed:", "", ...failures.map((one) => `- ${one}`)] : []),
    ],
    charts: {},
    failures,
  };
}

function failuresOf({ size, ways, login }: ChangeMeasured): string[] {
  const named = ways.map(({ name, outcome }) => [name, outcome] as const);
  return [...named, ["a login that runs nothing", login] as const].flatMap(([what, outcome]) =>
    outcome && "failure" in outcome ? [`${nameSize(size)}, ${what}: ${outcome.failure}`] : [],
  );
}

/** Undefined where it has failed, or was not begun. */
function findResult({ ways }: ChangeMeasured, name: string): ProviderResult | ShellResult | undefined {
  const outcome = ways.find((way) => way.name === name)?.outcome;
  return outcome && "result" in outcome ? outcome.result : undefined;
}

function findProvider(measured: ChangeMeasured, name: string): ProviderResult | undefined {
  const result = findResult(measured, name);
  return result && "previewOfCreate" in result ? result : undefined;
}

function tellRatio(of: number | undefined, by: number | undefined): string {
  return of === undefined || by === undefined ? "" : (of / by).toFixed(2);
}

function ratioTable(measured: readonly ChangeMeasured[], { before, after }: Commits): string[] {
  const head = ["attachments", "hosts", "runs", "figure", "the script", before, after];
  return tableOf(
    [...head, `${before} of the script`, `${after} of the script`, `${after} of ${before}`],
    measured.flatMap((one) =>
      FIGURES.map(({ name, field, digits }) => {
        const { size, ways } = one;
        const sums = [SCRIPT_OVER_SSH, BEFORE, AFTER].map((way) => {
          const result = findResult(one, way);
          return result && sumOf(result, field);
        });
        const [script, old, own] = sums;
        const told = sums.map((sum) => sum?.toFixed(digits[isSmall(size) ? 0 : 1]) ?? "");
        const runs = Math.min(...ways.map((way) => way.runs));
        const ratios = [tellRatio(old, script), tellRatio(own, script), tellRatio(own, old)];
        return [size.attachments, size.hosts, runs, name, ...told, ...ratios];
      }),
    ),
  );
}

function loginLines(measured: ChangeMeasured, { before, after }: Commits): string[] {
  const { login } = measured;
  const [old, own] = [findResult(measured, BEFORE), findResult(measured, AFTER)];
  if (!login || !("result" in login) || !old || !own) return [];
  const [oldCount, ownCount] = [old, own].map((one) => processesOfOne(one, login.result));
  return [
    "",
    `A login that runs nothing starts ${login.result} processes on the host. Without its two, one attachment starts ` +
      `${oldCount} by ${before} and ${ownCount} by ${after}.`,
  ];
}

function commandLines(measured: ChangeMeasured, { before, after }: Commits): string[] {
  const [old, own] = [findProvider(measured, BEFORE), findProvider(measured, AFTER)];
  if (!old || !own) return [];
  const { size } = measured;
  const commands = [
    ["preview of a create", "previewOfCreate"],
    ["attach", "attach"],
    ["preview without a change", "previewOfNothing"],
    ["detach", "detach"],
  ] as const;
  const rows = commands.flatMap(([name, command]) =>
    FIGURES.map(({ name: what, field, digits }) => {
      const [from, to] = [old[command][field], own[command][field]];
      const told = [from, to].map((one) => one.toFixed(digits[isSmall(size) ? 0 : 1]));
      return [name, what, ...told, tellRatio(to, from)];
    }),
  );
  return [
    "",
    `The commands of ${size.attachments} attachments on ${countHosts(size.hosts)}:`,
    "",
    ...tableOf(["command", "figure", before, after, "ratio"], rows),
  ];
}
