import fs from "node:fs";
import path from "node:path";

const ROOT = path.join(__dirname, "../../..");
const PAGE = fs.readFileSync(path.join(ROOT, "docs/internals/architecture.md"), "utf8");
const section = /^## Five ways through the house$([\s\S]*?)^## /m.exec(PAGE)?.[1] ?? "";
const ways = section
  .split(/^### /m)
  .slice(1)
  .map((text) => ({
    title: text.split("\n", 1)[0] ?? "",
    files: [...text.matchAll(/^\d+\. `([^`]+)`: /gm)].map(([, file]) => file ?? ""),
  }));

test("the architecture page has five ways", () => {
  expect(ways).toHaveLength(5);
});

test.each(ways)("the way of $title is at most twelve files long, none of them twice", ({ files }) => {
  expect(files.length).toBeGreaterThan(5);
  expect(files.length).toBeLessThanOrEqual(12);
  expect(files).toEqual([...new Set(files)]);
  expect(files.filter((file) => !fs.existsSync(path.join(ROOT, file)))).toEqual([]);
});
