import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as knownHosts from "./cases/known-hosts";
import * as match from "./cases/match";
import * as route from "./cases/route";
import * as tokens from "./cases/tokens";
import * as userKeys from "./cases/user-keys";
import type { Case } from "./case";

const security = readFileSync(join(__dirname, "../../../docs/security.md"), "utf8");
const chapter = /^## What ssh does and this provider does not$(.*?)^## /ms.exec(security)?.[1] ?? "";
/** The rows of the table: what is compared, and by what it is shown. */
const rows = chapter
  .split("\n")
  .filter((line) => /^\| (?!Of OpenSSH|-)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map((cells) => ({ name: cells[1] ?? "", shownBy: cells[4] ?? "" }));
const cases: readonly Case[] = [knownHosts, match, route, tokens, userKeys].flatMap((one) =>
  Object.values(one as Record<string, readonly Case[]>).flat(),
);
const differing = [...new Set(cases.flatMap(({ differs }) => differs?.row ?? []))].sort();

describe("the table of what ssh does and this provider does not", () => {
  it("has the rows that cases of the oracle name, and no other", () => {
    const compared = rows.filter(({ shownBy }) => shownBy === "the oracle").map(({ name }) => name);
    expect(compared.sort()).toEqual(differing);
  });

  it("says of every other row what shows it, or why nothing does", () => {
    const others = rows.filter(({ shownBy }) => shownBy !== "the oracle");
    expect(others.length).toBeGreaterThan(0);
    for (const { shownBy } of others)
      expect(shownBy).toMatch(/^(not compared(: \S.*)?|\S+: the oracle|`test\/\S+`)$/);
  });

  it("stands on at least sixty cases, each with a title of its own", () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });
});
