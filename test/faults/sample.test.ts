import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connectLab, type Lab } from "../../lab";
import { keyOfRow, readRows } from "./report";
import { SAMPLE, sampleOf } from "./sample";
import { FaultSuite } from "./suite";

const reportFile = join(__dirname, "../../docs/internals/reliability.md");

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
  test(`${SAMPLE.count} cases of the report end well`, async () => {
    const chosen = sampleOf(suite.cases());
    expect(chosen).toHaveLength(SAMPLE.count);
    const rows = new Set(readRows(readFileSync(reportFile, "utf8")).map(keyOfRow));
    const failures: string[] = [];
    for (const one of chosen) {
      try {
        if (!rows.has(keyOfRow(await suite.run(one))))
          failures.push(`${one.name}: docs/internals/reliability.md has no such row; record it`);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
    expect(failures).toEqual([]);
  }, 1_800_000);
});
