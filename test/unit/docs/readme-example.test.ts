import { compile } from "./compile";
import { readText } from "./markdown";

/** What the example leaves to the reader's program. */
const prelude = 'declare const config: import("@pulumi/pulumi").Config;\n';

const example = /```ts\n(.*?)```/s.exec(readText("README.md"))?.[1];
if (example === undefined) throw new Error("README.md has no example");

test("the README's example compiles against the SDK's typings, and would not with a misspelt argument", () => {
  const messages = compile({
    "readme-example.ts": prelude + example,
    "readme-misspelt.ts": prelude + example.replace("device:", "devise:"),
  });
  expect(messages["readme-example.ts"]).toEqual([]);
  expect(messages["readme-misspelt.ts"]?.join("\n")).toContain("'devise' does not exist");
}, 60_000);

test("the README's example is no longer than its heading says", () => {
  expect(example.trim().split("\n").length).toBeLessThanOrEqual(10);
});
