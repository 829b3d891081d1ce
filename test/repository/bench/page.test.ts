import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PIECES } from "../../../bench/options";
import { provenance, tableOf, withPart } from "../../../bench/page";

const file = join(__dirname, "../../../docs/internals/benchmark.md");
const document = readFileSync(file, "utf8");
const partOf = (text: string, piece: string): string =>
  text.slice(text.indexOf(`<!-- bench:${piece},`), text.indexOf(`<!-- end of bench:${piece} -->`));

test.each(PIECES)("what is written of %s keeps everything else", (piece) => {
  const written = withPart(document, piece, ["one line", "", "| a |"]);
  expect(partOf(written, piece)).toContain("one line\n\n| a |\n");
  for (const other of PIECES.filter((one) => one !== piece))
    expect(partOf(written, other)).toBe(partOf(document, other));
  expect(withPart(written, piece, ["one line", "", "| a |"])).toBe(written);
  expect(written.replace(partOf(written, piece), "")).toBe(document.replace(partOf(document, piece), ""));
});

test("every chart that the page shows is there", () => {
  for (const [, chart = ""] of document.matchAll(/!\[[^\]]*\]\(([^)]+\.svg)\)/g))
    expect([chart, existsSync(join(dirname(file), chart))]).toEqual([chart, true]);
});

test("a document without the part is refused by the marks that are missing", () => {
  expect(() => withPart("# Other", "lab", [])).toThrow('no part between "<!-- bench:lab,');
});

test("numbers stand on the right", () => {
  expect(tableOf(["way", "seconds"], [["ssh", 1.5]])).toEqual([
    "| way | seconds |",
    "|---|--:|",
    "| ssh | 1.5 |",
  ]);
});

test("the figures say how much else the machine had to do", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  expect(provenance({ now, commit: "abc1234", processors: 2, othersShare: 0.254 })).toBe(
    "Measured on 2026-11-25 at commit abc1234 with 2 processors, of which other work on the machine had 25 % meanwhile.",
  );
});
