import type { FaultResult } from "./suite";

/** One row of the table, by the name of its case. */
export interface ReportRow extends Omit<FaultResult, "name"> {
  readonly commit: string;
  readonly date: string;
}

const BEGIN = "<!-- written by npm run test:faults -- --record -->";
const END = "<!-- end of what is written -->";
const columns = [
  "operation",
  "step",
  "when",
  "fault",
  "saw",
  "recovery",
  "seconds",
  "commit",
  "date",
] as const;
const heads = [
  "Operation",
  "Step",
  "When",
  "Fault",
  "What the user saw",
  "What it took",
  "Seconds",
  "Commit",
  "Date",
];

/** The rows of an earlier report. */
export function readRows(document: string): ReportRow[] {
  const table = document.slice(document.indexOf(BEGIN), document.indexOf(END));
  return table
    .split("\n")
    .filter((line) => /^\| (create|shrink|grow|move|delete) \|/.test(line))
    .map((line) => {
      const cells = line.slice(2, -2).split(" | ");
      const row = Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? ""]));
      return { ...row, seconds: Number(row["seconds"]) } as unknown as ReportRow;
    });
}

/** Which case a row is of. */
export function keyOfRow(row: Pick<ReportRow, "operation" | "step" | "when" | "fault">): string {
  return [row.operation, row.step, row.when, row.fault].join("\n");
}

/**
 * The document: what was run now, and what an earlier run showed of cases that were not. What stands after
 * the table is others' and stays.
 */
export function writeReport(
  document: string,
  results: readonly FaultResult[],
  { commit, seed, now }: { readonly commit: string; readonly seed: string; readonly now: Date },
): string {
  const date = now.toISOString().slice(0, 10);
  const fresh = results.map(({ name: _, ...row }): ReportRow => ({
    ...row,
    saw: cell(row.saw),
    commit,
    date,
  }));
  const isFresh = new Set(fresh.map(keyOfRow));
  const earlier = readRows(document);
  const othersFrom = document.indexOf(END);
  const others = othersFrom < 0 ? "\n" : document.slice(othersFrom + END.length);
  const order = ["create", "shrink", "grow", "move", "delete"];
  const rows = [...earlier.filter((row) => !isFresh.has(keyOfRow(row))), ...fresh].sort(
    (a, b) =>
      order.indexOf(a.operation) - order.indexOf(b.operation) ||
      Number.parseInt(a.step, 10) - Number.parseInt(b.step, 10) ||
      a.when.localeCompare(b.when) ||
      a.fault.localeCompare(b.fault),
  );
  const lines = rows.map((row) => `| ${columns.map((column) => String(row[column])).join(" | ")} |`);
  return [
    "# Reliability",
    "",
    "What happens when an operation is disturbed. Each row is one case that was run on the lab: from a fresh hypervisor, the",
    "fault was done from outside to real processes at the step named, before it began or after its request had gone out;",
    "then the same program was run again (`up`), then destroyed. A case passes only if the fault landed in that step, `up`",
    "reached the wanted state (no drift by the provider's own look, and the guest sees the functions), `destroy` completed,",
    "and afterwards the drivers of every PCI function of the host, the XML of every guest (live and persistent, ledger",
    "included), QEMU's devices, lock files, processes and SSH sessions are what they were before anything began.",
    "",
    "The cases are made from the plans themselves: every operation runs once undisturbed, and each step it announces is a",
    "place for faults: 1,085 cases, some ten hours. `npm run test:faults -- --list` names them all; `--case TEXT` runs some, and",
    "`--missing` those that have no row yet: the table has been filled in parts. A row whose step is worded otherwise by now is of an",
    "earlier plan.",
    "",
    BEGIN,
    "",
    `${rows.length} cases; last run on ${date} at commit ${commit} with seed ${seed}: ${results.length} cases passed.`,
    "",
    `| ${heads.join(" | ")} |`,
    `| ${heads.map(() => "---").join(" | ")} |`,
    ...lines,
    "",
    `${END}${others}`,
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
