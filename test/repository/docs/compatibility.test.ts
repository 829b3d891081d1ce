import { readFileSync } from "node:fs";
import { join } from "node:path";
import { matrixCells, ownCells, testsOf } from "../../support/matrix/cells";
import { keyOf, readRows, rowKeyOf, writeReport, type CellResult } from "../../support/matrix/report";

const document = readFileSync(join(__dirname, "../../../docs/compatibility.md"), "utf8");
const run = { commit: "abc1234", now: new Date("2026-11-25T12:00:00Z"), order: matrixCells };
const rows = readRows(document);

test("the table has each cell once, in order, and none that failed", () => {
  const keys = rows.map(keyOf);
  const missing = matrixCells.map(rowKeyOf).filter((key) => !keys.includes(key));
  expect(keys).toEqual(matrixCells.map(rowKeyOf).filter((key) => !missing.includes(key)));
  for (const key of missing) expect(document).toContain(`- ${key}`);
  expect(rows.filter(({ result }) => !/^(pass|refused|served natively)\b/.test(result))).toEqual([]);
});

test("each row names versions of its release, a commit and a day", () => {
  for (const { version, measured, commit, date, result } of rows) {
    expect(measured).toMatch(
      result.startsWith("refused") ? /^libvirt \d+\.\d+\.\d+$/ : RegExp(`^${version}\\.\\d+`),
    );
    expect(commit).toMatch(/^[0-9a-f]{7,}$/);
    expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
  }
});

const [cell] = matrixCells;
const result: CellResult = {
  cell: cell!,
  measured: "5.2.0",
  passed: testsOf(cell!),
  failed: [],
  seconds: 61.4,
};
const rowAfter = (more: Partial<CellResult>) =>
  readRows(writeReport(document, [{ ...result, ...more }], run)).find(
    (row) => keyOf(row) === rowKeyOf(cell!),
  );

test("a run of one cell leaves the text and the rows of the others", () => {
  const written = writeReport(document, [result], run);
  expect(rowAfter({})).toMatchObject({ seconds: 61, commit: "abc1234", date: "2026-11-25" });
  const others = (text: string) => readRows(text).filter((row) => keyOf(row) !== rowKeyOf(cell!));
  expect(others(written)).toEqual(others(document));
  expect(written.slice(0, written.indexOf("<!--"))).toBe(document.slice(0, document.indexOf("<!--")));
  expect(writeReport(written, [result], run)).toBe(written);
});

test("a behaviour that failed or was not run is a failure of its cell", () => {
  const [first = "", ...others] = testsOf(cell!);
  expect(rowAfter({ passed: others, failed: [first] })?.result).toBe(`FAIL: 8 of 9; not ${first}`);
  expect(rowAfter({ passed: others })?.result).toBe(`FAIL: 8 of 9; not ${first}`);
  expect(rowAfter({ passed: [], measured: "?" })?.result).toMatch(/^FAIL: 0 of 9/);
});

test("what npm test runs and what npm run test:matrix runs is said", () => {
  for (const command of ["npm test", "npm run test:matrix"]) expect(document).toContain(command);
  expect(ownCells.map((one) => one.kind)).toEqual([
    ...["q35-native", "q35-acpi", "pc-root", "pc-bridge", "refusals"],
  ]);
});
