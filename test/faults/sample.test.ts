import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connectLab, type Lab } from "../../lab";
import { readRows } from "./report";
import { SAMPLE, sampleOf } from "./sample";
import { FaultSuite } from "./suite";

const reportFile = join(__dirname, "../../docs/reliability.md");

describe("a sample of the faults", () => {
  let lab: Lab;
  let suite: FaultSuite;
  beforeAll(async () => {
    lab = await connectLab();
    suite = await FaultSuite.prepare(lab, { log: () => undefined, only: ["create", "delete"] });
  });
  afterAll(async () => {
    await suite.close();
    await lab.close();
  });

  /** One test for all: which cases there are is known only when the plans have been seen. */
  test(`${SAMPLE.count} cases end as the report says`, async () => {
    const chosen = sampleOf(suite.cases());
    expect(chosen).toHaveLength(SAMPLE.count);
    const rows = readRows(readFileSync(reportFile, "utf8"));
    const failures: string[] = [];
    for (const one of chosen) {
      try {
        const { operation, step, when, fault, recovery } = await suite.run(one);
        const row = rows.find(
          (each) =>
            [each.operation, each.step, each.when, each.fault].join() ===
            [operation, step, when, fault].join(),
        );
        if (row === undefined) failures.push(`${one.name}: docs/reliability.md has no such row; record it`);
        else if (row.recovery !== recovery)
          failures.push(`${one.name}: recovered by ${recovery}, the report says ${row.recovery}`);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
    expect(failures).toEqual([]);
  }, 1_800_000);
});
