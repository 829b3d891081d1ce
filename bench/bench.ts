import "../tools/tsx/shell-text.cjs";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { currentCommit } from "../test/support/commit";
import { CpuMeter } from "./cpu-meter";
import { runChange } from "./fleet/run-change";
import { runFleet } from "./fleet/run-fleet";
import { runLab } from "./lab/run-lab";
import { parseOptions, USAGE, type BenchOptions, type Piece } from "./options";
import { outcomeOf, type Report, type Running } from "./outcome";
import { provenance, withPart } from "./page";

const PAGE = resolve(__dirname, "../docs/internals/benchmark.md");

function run(piece: Piece, options: BenchOptions, running: Running): Promise<Report> {
  const { parallel, quick, against = "", sizes } = options;
  const fleet = { parallel, quick, ...(sizes && { sizes }), ...running };
  switch (piece) {
    case "lab":
      return runLab({ quick, ...running });
    case "fleet":
      return runFleet(fleet);
    case "change":
      return runChange({ against, ...fleet });
  }
}

/** Writes a piece's part of the page, and its charts beside it. */
function record(piece: Piece, lines: readonly string[], charts: Report["charts"]): void {
  writeFileSync(PAGE, withPart(readFileSync(PAGE, "utf8"), piece, lines));
  for (const [name, chart] of Object.entries(charts)) writeFileSync(join(dirname(PAGE), name), chart);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  // the provider tells its steps; they are not part of the table
  const print = console.log.bind(console);
  console.log = () => undefined;
  if (options === undefined) return print(USAGE);
  const startedMs = Date.now();
  const log = (line: string): void => print(`[${Math.round((Date.now() - startedMs) / 1000)} s] ${line}`);
  let isEnding = false;
  for (const signal of ["SIGTERM", "SIGINT"])
    process.on(signal, () => {
      // whoever asks again does not want to wait
      if (isEnding && signal === "SIGINT") process.exit(130);
      isEnding = true;
    });
  const mayRepeat = (): boolean => Date.now() - startedMs < options.repeatMs;
  // of what runs now: work goes on beside it
  const commit = currentCommit();
  const failures: string[] = [];
  for (const piece of options.pieces) {
    const now = new Date();
    const meter = CpuMeter.start();
    const outcome = await outcomeOf(() =>
      run(piece, options, {
        meter,
        mayRepeat,
        isEnding: () => isEnding,
        log: (line) => log(`${piece}: ${line}`),
      }),
    );
    const { othersShare } = meter;
    meter.close();
    if ("failure" in outcome) {
      failures.push(`${piece}: ${outcome.failure}`);
      log(`${piece} failed: ${outcome.failure}`);
      continue;
    }
    const { lines, charts, failures: own } = outcome.result;
    failures.push(...own.map((one) => `${piece}: ${one}`));
    const processors = availableParallelism();
    const part = [provenance({ now, commit, processors, othersShare }), "", ...lines];
    for (const line of part) print(line);
    if (options.recorded.includes(piece)) record(piece, part, charts);
  }
  for (const failure of failures) print(`failed: ${failure}`);
  // listeners of a provider that did not start would keep it alive
  process.exit(failures.length > 0 ? 1 : 0);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
