<<<<<<<< HEAD:test/unit/docs/compile.ts
import { join } from "node:path";
import ts from "typescript";
import { repository } from "./markdown";

/**
 * The compiler's messages about each source text, as if it were a file beside the SDK, under the repository's own
 * options. All in one program, because reading Pulumi's typings is what takes the time.
 */
export function compile(sources: Readonly<Record<string, string>>): Record<string, string[]> {
  const files = new Map(Object.entries(sources).map(([name, text]) => [join(repository, name), text]));
  const config = ts.readConfigFile(join(repository, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(
    { ...config.config, include: [], files: [] },
    ts.sys,
    repository,
  );
  const host = ts.createCompilerHost(options);
  const onDisk = { fileExists: host.fileExists.bind(host), readFile: host.readFile.bind(host) };
  host.fileExists = (path) => files.has(path) || onDisk.fileExists(path);
  host.readFile = (path) => files.get(path) ?? onDisk.readFile(path);
  const program = ts.createProgram([...files.keys()], options, host);
  return Object.fromEntries(
    Object.keys(sources).map((name) => {
      const source = program.getSourceFile(join(repository, name));
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return [name, found.map((one) => ts.flattenDiagnosticMessageText(one.messageText, "\n"))];
    }),
  );
}
========
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
>>>>>>>> inspect:test/unit/docs/readme-example.test.ts
