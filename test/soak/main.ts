import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { currentCommit } from "../support/commit";
import { judgeFlatness } from "./flatness";
import { LabTarget } from "./lab-target";
import { QemuTarget } from "./qemu-target";
import { describeSoak, places, recordSoak, type Place } from "./report";
import { soak } from "./soak";
import type { SoakTarget } from "./target";

const root = path.resolve(__dirname, "../..");
const report = path.join(root, "docs/internals/reliability.md");

const usage = `npm run soak -- [OPTION]...
  --on PLACE        lab: the provider process against the lab's host;
                    qemu: the lifecycle against QEMU on this machine, emulated functions, ACPI slots (default);
                    qemu-native: the same with native slots
  --cycles N        default 200
  --seed N          which walk; default: some, which is printed
  --minutes N       begin no cycle after N minutes
  --record          write the figures in docs/internals/reliability.md`;

/** What runs where, and ends there. */
type OpenTarget = SoakTarget & { close(): Promise<void> };

async function open(place: Place, log: (line: string) => void): Promise<OpenTarget> {
  switch (place) {
    case "lab":
      return LabTarget.start(log);
    case "qemu":
      return QemuTarget.start("acpi");
    case "qemu-native":
      return QemuTarget.start("native");
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      on: { type: "string", default: "qemu" },
      cycles: { type: "string", default: "200" },
      seed: { type: "string" },
      minutes: { type: "string" },
      record: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(usage);
  const place = places.find((one) => one === values.on);
  if (place === undefined) throw new Error(`--on takes ${places.join(", ")}`);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed);
  const cycles = Number(values.cycles);
  const startedAt = Date.now();
  const log = (line: string): void =>
    console.log(`[${Math.round((Date.now() - startedAt) / 1000)} s] ${line}`);
  log(`seed ${seed}: npm run soak -- --on ${place} --cycles ${cycles} --seed ${seed}`);
  // of what runs now: work goes on beside it
  const commit = currentCommit();
  const target = await open(place, log);
  const limitMs = values.minutes === undefined ? Infinity : Number(values.minutes) * 60_000;
  const result = await soak(target, { cycles, seed, limitMs, log }).finally(() => target.close());
  const rows = judgeFlatness(result);
  const record = { place, result, rows, commit, now: new Date() };
  console.log(describeSoak(record));
  if (values.record) writeFileSync(report, recordSoak(readFileSync(report, "utf8"), record));
  const steep = rows.filter((row) => !row.isFlat).map((row) => row.what);
  console.log(steep.length === 0 ? "flat" : `not flat: ${steep.join(", ")}`);
  if (steep.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
