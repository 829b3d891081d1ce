import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readRows, writeReport, type FaultResult } from "../../faults/report";
import { places, recordSoak } from "../../soak/report";

const document = readFileSync(join(__dirname, "../../../docs/internals/reliability.md"), "utf8");
const run = { commit: "abc1234", seed: "1", now: new Date("2026-11-22T12:00:00Z") };
const soakPart = document.slice(document.indexOf("## Soak"));
const faultsPart = document.slice(0, document.indexOf("## Soak"));

test("a record of faults keeps the soak's part, and rows of cases not run", () => {
  const [row] = readRows(document);
  const again: FaultResult = { ...row!, name: "", saw: "something new" };
  const written = writeReport(document, [again], run);
  expect(written.endsWith(soakPart)).toBe(true);
  expect(readRows(written)).toHaveLength(readRows(document).length);
  expect(readRows(written)).toContainEqual({
    ...row,
    saw: "something new",
    commit: run.commit,
    date: "2026-11-22",
  });
});

test.each(places)("a record of the soak in %s keeps everything else", (place) => {
  const result = { seed: 7, times: [], samples: [], runAgain: 3, minutes: 12 };
  const row = { what: "create", firstQuarter: "1.00 s (4)", lastQuarter: "1.10 s (4)", isFlat: true };
  const written = recordSoak(document, { place, result, rows: [row], ...run });
  expect(written.startsWith(faultsPart)).toBe(true);
  expect(written).toContain("with seed 7 on 2026-11-22 at commit abc1234");
  expect(written).toContain("| create |  | 1.00 s (4) | 1.10 s (4) |  |  |");
  const partOf = (text: string, one: string): string =>
    text.slice(text.indexOf(`<!-- soak:${one},`), text.indexOf(`<!-- end of soak:${one} -->`));
  for (const other of places.filter((one) => one !== place))
    expect(partOf(written, other)).toBe(partOf(document, other));
  expect(recordSoak(written, { place, result, rows: [row], ...run })).toBe(written);
});
