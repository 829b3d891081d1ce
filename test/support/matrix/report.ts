import { testsOf, titleOf, type Cell, type Transport } from "./cells";

/** What a run has shown of one cell. */
export interface CellResult {
  readonly cell: Cell;
  /** Versions as they were asked for, e.g. `7.2.22` or `7.2.22, libvirt 9.0.0`. */
  readonly measured: string;
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly seconds: number;
}

/** One row of docs/compatibility.md. */
export interface CompatibilityRow {
  readonly transport: string;
  readonly kind: string;
  readonly version: string;
  readonly measured: string;
  readonly result: string;
  readonly seconds: number;
  readonly commit: string;
  readonly date: string;
}

const BEGIN = "<!-- written by npm run test:matrix -->";
const END = "<!-- end of what is written -->";
const columns = ["transport", "kind", "version", "measured", "result", "seconds", "commit", "date"] as const;
const heads = ["Transport", "Slot kind", "QEMU", "Measured", "Result", "Seconds", "Commit", "Date"];

const transportTitles: Readonly<Record<Transport, string>> = {
  "raw-qmp": "raw QMP",
  "libvirt-rpc": "libvirt RPC",
};

/** Which cell a row is of. */
export function keyOf(row: Pick<CompatibilityRow, "transport" | "kind" | "version">): string {
  return [row.transport, row.kind, row.version].join(", ");
}

/** The key of a cell's row. */
export function rowKeyOf(cell: Cell): string {
  const { transport, version } = cell;
  return keyOf({ transport: transportTitles[transport], kind: titleOf(cell), version });
}

/** The rows of a document that an earlier run has written. */
export function readRows(document: string): CompatibilityRow[] {
  const table = document.slice(document.indexOf(BEGIN), document.indexOf(END));
  return table
    .split("\n")
    .filter((line) => /^\| (raw QMP|libvirt RPC) \|/.test(line))
    .map((line) => {
      const values = line.slice(2, -2).split(" | ");
      const row = Object.fromEntries(columns.map((column, i) => [column, values[i] ?? ""]));
      return { ...row, seconds: Number(row["seconds"]) } as unknown as CompatibilityRow;
    });
}

/** The document with the rows of what was run now in the place of earlier ones of the same cells. */
export function writeReport(
  document: string,
  results: readonly CellResult[],
  { commit, now, order }: { readonly commit: string; readonly now: Date; readonly order: readonly Cell[] },
): string {
  const date = now.toISOString().slice(0, 10);
  const fresh = results.map((one) => rowOf(one, commit, date));
  const keys = new Set(fresh.map(keyOf));
  const ranks = new Map(order.map((cell, rank) => [rowKeyOf(cell), rank]));
  const rankOf = (row: CompatibilityRow): number => ranks.get(keyOf(row)) ?? order.length;
  const rows = [...readRows(document).filter((row) => !keys.has(keyOf(row))), ...fresh].sort(
    (a, b) => rankOf(a) - rankOf(b),
  );
  const isBad = (row: CompatibilityRow): boolean => row.result.startsWith("FAIL");
  const known = new Set(rows.map(keyOf));
  const missing = order.map(rowKeyOf).filter((key) => !known.has(key));
  const table = [
    `${rows.length} of ${order.length} cells, ${rows.filter(isBad).length} of them with failures` +
      (missing.length > 0 ? "; not run yet:" : "."),
    ...(missing.length > 0 ? ["", ...missing.map((key) => `- ${key}`)] : []),
    "",
    `| ${heads.join(" | ")} |`,
    `| ${heads.map(() => "---").join(" | ")} |`,
    ...rows.map((row) => `| ${columns.map((column) => String(row[column])).join(" | ")} |`),
  ];
  const before = document.slice(0, document.indexOf(BEGIN));
  const after = document.slice(document.indexOf(END) + END.length);
  return `${before}${BEGIN}\n\n${table.join("\n")}\n\n${END}${after}`;
}

function rowOf(
  { cell, measured, passed, failed, seconds }: CellResult,
  commit: string,
  date: string,
): CompatibilityRow {
  const { transport, version } = cell;
  return {
    transport: transportTitles[transport],
    kind: titleOf(cell),
    version,
    measured,
    result: resultOf(cell, passed, failed),
    seconds: Math.round(seconds),
    commit,
    date,
  };
}

function resultOf(cell: Cell, passed: readonly string[], failed: readonly string[]): string {
  const tests = testsOf(cell);
  const left = tests.filter((one) => !passed.includes(one));
  if (failed.length > 0 || left.length > 0)
    return `FAIL: ${passed.length} of ${tests.length}; not ${left.join(", ")}`;
  const { otherwise } = cell;
  const exceptions = Object.entries(cell.exceptions);
  if (otherwise === undefined) {
    const whole = tests.length - exceptions.length;
    const rest = exceptions.map(([behaviour, why]) => `; not ${behaviour}: ${why}`).join("");
    return `pass: ${whole} of ${tests.length}${rest}`;
  }
  return `${otherwise.because}: ${otherwise.reason}`;
}
