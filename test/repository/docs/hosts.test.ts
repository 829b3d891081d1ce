import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
/** What is looked at, what follows, and the test that shows it. */
const rows = [...read("docs/hosts.md").matchAll(/^\| ([^|]+) \|.*\| `(test\/[^`]+)`: "(.+)" \|$/gm)].map(
  ([, what = "", file = "", title = ""]) => ({ what, file, title }),
);

test("docs/hosts.md has a row for each thing, and each row a test", () => {
  const lines = read("docs/hosts.md").match(/^\| (?!What \|).*\|$/gm) ?? [];
  expect(rows).toHaveLength(lines.length);
  expect(rows.length).toBeGreaterThanOrEqual(25);
  expect(new Set(rows.map((one) => one.what)).size).toBe(rows.length);
});

test.each(rows)("$what is shown by a test of that name", ({ file, title }) => {
  expect(read(file)).toContain(title);
});
