/**
 * `npm run test:matrix`: the contract suite over every slot kind, QEMU and transport, each cell a Jest of its
 * own, and docs/compatibility.md with what was seen. Exit code 0: every cell that was run is as it should be.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { endWithProcess } from "../../lab/end-with-process";
import { matrixCells, type Cell } from "../../test/support/matrix/cells";
import { keyOf, readRows, rowKeyOf, writeReport, type CellResult } from "../../test/support/matrix/report";
import { currentCommit } from "../../test/support/commit";

const root = path.resolve(__dirname, "../..");
const document = path.join(root, "docs/compatibility.md");

const usage = `npm run test:matrix -- [OPTION]...
  --cell TEXT    only cells whose name contains it, e.g. "raw-qmp 10.0"; may be given several times
  --missing      only those that docs/compatibility.md has no good row of
  --minutes N    begin no cell after N minutes
  --jobs N       so many at a time; default 2
  --list         print the names and end
Rows of cells that were not run stay. The first run makes trees and guests, some 5 minutes; all cells take an hour.`;

/** What Jest writes of a run, as far as it is read. */
interface JestResult {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

const startedAt = Date.now();
const log = (line: string): void => console.log(`[${Math.round((Date.now() - startedAt) / 1000)} s] ${line}`);

async function runCell(cell: Cell, folder: string): Promise<CellResult> {
  const begunAt = Date.now();
  const name = cell.name.replaceAll(" ", "-");
  const outputFile = path.join(folder, `${name}.json`);
  const measuredFile = path.join(folder, `${name}.measured`);
  const logFile = path.join(folder, `${name}.log`);
  const output = fs.openSync(logFile, "w");
  const jest = path.join(root, "node_modules/.bin/jest");
  const child = spawn(
    jest,
    ["--selectProjects", "contract", "--runInBand", "--ci", "--json", "--outputFile", outputFile],
    {
      cwd: root,
      stdio: ["ignore", output, output],
      env: { ...process.env, CONTRACT_CELLS: cell.name, CONTRACT_MEASURED: measuredFile },
    },
  );
  const disarm = endWithProcess(() => child.kill());
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  disarm();
  fs.closeSync(output);
  const read = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");
  const result = JSON.parse(read(outputFile) || `{"testResults":[]}`) as JestResult;
  const tests = result.testResults.flatMap((file) => file.assertionResults);
  const titles = (isPassed: boolean): string[] =>
    tests
      .filter(({ status }) => (status === "passed") === isPassed && status !== "pending")
      .map((one) => one.title);
  const failed = titles(false);
  if (failed.length > 0 || tests.length === 0) console.log(read(logFile));
  return {
    cell,
    measured: read(measuredFile).trim() || "?",
    passed: titles(true),
    failed,
    seconds: (Date.now() - begunAt) / 1000,
  };
}

function slownessOf({ kind }: Cell): number {
  return ["q35-native", "virt", "pseries", "pseries-second"].indexOf(kind);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cell: { type: "string", multiple: true },
      missing: { type: "boolean" },
      minutes: { type: "string" },
      jobs: { type: "string", default: "2" },
      list: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(usage);
  const rows = readRows(fs.readFileSync(document, "utf8"));
  const known = new Set(rows.filter(({ result }) => !result.startsWith("FAIL")).map(keyOf));
  const chosen = matrixCells
    .filter((cell) => !values.missing || !known.has(rowKeyOf(cell)))
    .filter((cell) => values.cell?.some((text) => cell.name.includes(text)) ?? true);
  if (values.list) return chosen.forEach((cell) => console.log(cell.name));
  if (chosen.length === 0) throw new Error("no cell has such a name; --list prints them all");
  // of what runs now: it may take an hour, and work goes on beside it
  const commit = currentCommit();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-matrix-"));
  endWithProcess(() => fs.rmSync(folder, { recursive: true, force: true }));
  // the slowest first, so that none is left alone at the end
  const waiting = [...chosen].sort((a, b) => slownessOf(b) - slownessOf(a));
  let bad = 0;
  const work = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      if (values.minutes && Date.now() - startedAt > Number(values.minutes) * 60_000) return;
      log(`${cell.name}: begins`);
      const result = await runCell(cell, folder);
      const written = writeReport(fs.readFileSync(document, "utf8"), [result], {
        commit,
        now: new Date(),
        order: matrixCells,
      });
      fs.writeFileSync(document, written);
      const row = readRows(written).find((one) => keyOf(one) === rowKeyOf(cell));
      if (row?.result.startsWith("FAIL") !== false) bad += 1;
      log(`${cell.name}: ${row?.result} (${result.measured}), ${Math.round(result.seconds)} s`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  if (waiting.length > 0) log(`the time is over, with ${waiting.length} cells left`);
  log(`${chosen.length - waiting.length} cells run, ${bad} not as they should be`);
  if (bad > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
