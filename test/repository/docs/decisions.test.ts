import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readText, repository } from "../../support/documents/markdown";

const folder = "docs/internals/decisions";

/** Number and title of each record, by its heading. */
const records = readdirSync(join(repository, folder))
  .filter((file) => file !== "README.md")
  .sort()
  .map((file) => {
    const [, number, title] = /^# (\d{4}) (.+)\n/.exec(readText(`${folder}/${file}`)) ?? [];
    return { number, file, title };
  });

/** The rows of the index: `| [NUMBER](FILE) | TITLE | SENTENCE |`. */
const rows = [
  ...readText(`${folder}/README.md`).matchAll(/^\| \[(\d{4})\]\((\S+)\) \| (.+?) \| (.+) \|$/gm),
].map(([, number, file, title, sentence]) => ({ number, file, title, sentence }));

test("the index of decisions lists each record once, by its number and its title", () => {
  expect(records.length).toBeGreaterThan(30);
  expect(rows.map(({ number, file, title }) => ({ number, file, title }))).toEqual(records);
});

test("a record's file begins with the number in its heading", () => {
  expect(
    records.filter(({ number, file }) => number === undefined || !file.startsWith(`${number}-`)),
  ).toEqual([]);
});

test("the index says each decision in one sentence", () => {
  const others = rows.filter(({ sentence = "" }) => !/^[^.]+(?:\.\w[^.]*)*\.$/.test(sentence));
  expect(others.map(({ file }) => file)).toEqual([]);
});
