import { join } from "node:path";
import ts from "typescript";
import { repository } from "./markdown";

/**
 * The compiler's messages about each source text, as if it were a file beside the SDK, under the repository's
 * own options, but without the typings of tests, which no program has. All in one program, because reading
 * Pulumi's typings is what takes the time.
 */
export function compile(sources: Readonly<Record<string, string>>): Record<string, string[]> {
  const files = new Map(Object.entries(sources).map(([name, text]) => [join(repository, name), text]));
  const config = ts.readConfigFile(join(repository, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options: own } = ts.parseJsonConfigFileContent(
    { ...config.config, include: [], files: [] },
    ts.sys,
    repository,
  );
  const options = { ...own, types: ["node"] };
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
