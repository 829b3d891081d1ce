import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startLab } from "../../lab";
import buildPackage from "../support/build-package.js";
import { currentCommit } from "../support/commit";
import { keyOfRow, readRows, writeReport, type FaultResult } from "./report";
import { chooseCases, sampleOf } from "./sample";
import { FaultSuite, rowKeyOf, type FaultCase } from "./suite";

const root = path.resolve(__dirname, "../..");
const report = path.join(root, "docs/internals/reliability.md");

const usage = `npm run test:faults -- [OPTION]...
  --case TEXT       only cases whose name contains it; may be given several times
  --sample       the fixed sample of npm test -- faults
  --count N         N cases, spread over operations, steps and faults; default: all
  --seed N          which ones; default 1
  --missing         only those that the table of docs/internals/reliability.md does not have yet
  --minutes N       begin no case after N minutes
  --suspend N       seconds that a suspended client sleeps; default 120
  --list            print the names and end
  --record          write the table in docs/internals/reliability.md after each case; rows of cases that were not run stay`;

function readReport(): string {
  return fs.existsSync(report) ? fs.readFileSync(report, "utf8") : "";
}

function withoutRow(all: readonly FaultCase[]): FaultCase[] {
  const rows = new Set(readRows(readReport()).map(keyOfRow));
  return all.filter((one) => !rows.has(rowKeyOf(one)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      case: { type: "string", multiple: true },
      sample: { type: "boolean" },
      count: { type: "string" },
      seed: { type: "string", default: "1" },
      missing: { type: "boolean" },
      minutes: { type: "string" },
      suspend: { type: "string", default: "120" },
      list: { type: "boolean" },
      record: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(usage);
  const startedAt = Date.now();
  const log = (line: string): void =>
    console.log(`[${Math.round((Date.now() - startedAt) / 1000)} s] ${line}`);
  buildPackage();
  // of what runs now: it may take hours, and work goes on beside it
  const commit = currentCommit();
  const lab = await startLab({ log });
  const results: FaultResult[] = [];
  const failures: string[] = [];
  try {
    const suite = await FaultSuite.prepare(lab, { log, suspendedMs: Number(values.suspend) * 1000 });
    const all = suite.cases();
    const candidates = values.missing ? withoutRow(all) : all;
    const named = values.case
      ? candidates.filter((one) => values.case?.some((text) => one.name.includes(text)))
      : candidates;
    const count = values.count ? Number(values.count) : named.length;
    const chosen = values.sample ? sampleOf(all) : chooseCases(named, count, Number(values.seed));
    log(`${chosen.length} of ${all.length} cases, seed ${values.seed}`);
    if (values.list) return chosen.forEach((one) => console.log(one.name));
    for (const [index, one] of chosen.entries()) {
      if (values.minutes && Date.now() - startedAt > Number(values.minutes) * 60_000) {
        log(`the time is over after ${index} cases`);
        break;
      }
      try {
        const result = await suite.run(one);
        results.push(result);
        if (values.record) {
          const written = writeReport(readReport(), results, { commit, seed: values.seed, now: new Date() });
          fs.writeFileSync(report, written);
        }
        log(
          `${index + 1}/${chosen.length} ${one.name}: ${result.saw} → ${result.recovery} (${result.seconds} s)`,
        );
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
        log(`${index + 1}/${chosen.length} FAILED ${failures.at(-1)}`);
      }
    }
    await suite.close();
  } finally {
    await lab.close();
  }
  console.log(`${results.length} passed, ${failures.length} failed`);
  if (failures.length > 0 || results.length === 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
