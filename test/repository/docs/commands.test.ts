import { existsSync } from "node:fs";
import { join } from "node:path";
import { blocksRun, documentedCommands, elsewhere, looks } from "../../support/documents/commands";
import { readText, repository } from "../../support/documents/markdown";

const { scripts, bin = {} } = JSON.parse(readText("package.json")) as {
  scripts: Record<string, string>;
  bin?: Record<string, string>;
};

/** Named in a sentence, as a cause or as what does not work; nobody is told to run them. */
const named = new Set([
  "$EDITOR fleet.ts",
  "jq -r '.devices[] | select(.attach.possible == \"whole\" and (.attach.allowInUse | not)) | .address'",
  "pulumi stack init --secrets-provider",
  "pulumi up --parallel 16",
  "virsh nodedev-reattach",
  "pulumi import",
  "ssh -F",
  "ssh -G",
  "ssh hv1",
  "ssh root@hv1 true",
  "ssh -v",
  "ssh-keygen -l",
  "virsh attach-device",
  "virsh create",
  "virsh detach-device",
  "virsh define",
  "virsh destroy",
  "virsh dumpxml",
  "virsh resume",
  "virsh start --paused",
]);

/**
 * What stands behind `npm run NAME -- OPTIONS`, `npx jest PATH` and the like: there has to be such a script,
 * file, option.
 */
function isOfRepository(command: string): boolean {
  const [program, ...words] = command.split(" ");
  const [first = "", second = ""] = words;
  if (program === "npx")
    return first in bin || (["jest", "tsx"].includes(first) && existsSync(join(repository, second)));
  if (program === "node") return existsSync(join(repository, first));
  if (program !== "npm") return false;
  if (first === "ci" || (first === "install" && words.length === 1)) return true;
  const script = first === "run" ? second : first;
  const text = scripts[script];
  if (text === undefined) return false;
  // The options are known to the file that the script runs.
  const file = [...text.matchAll(/\S+\.(?:mjs|ts)(?= |$)/g)].at(-1)?.[0];
  const options = words.filter((word) => /^--\w/.test(word));
  const source =
    file === "tools/demo/main.mjs"
      ? readText("tools/demo/demo.ts")
      : file === undefined
        ? ""
        : readText(file);
  return options.every((option) => source.includes(option.slice(2)));
}

/** Blocks that a test reads out of the document, as text of the whole block. */
const blocks = blocksRun.map(([document, start, test]) => {
  const found = [...readText(document).matchAll(/^```sh\n(.*?)^```/gms)].find(([, one]) =>
    one!.startsWith(start),
  );
  if (found === undefined) throw new Error(`${document} has no block that begins with ${start}`);
  return { document, text: found[1]!, test };
});

const commands = documentedCommands();

test("the commands are found", () => {
  expect(commands.length).toBeGreaterThan(80);
  expect(commands.map(({ command }) => command)).toEqual(
    expect.arrayContaining(["pulumi up", "lspci -k", "npm run demo -- --keep", "pulumi destroy"]),
  );
});

test("each command of the guides is run by a test, or is this repository's", () => {
  const unknown = commands.filter(
    ({ document, command }) =>
      !isOfRepository(command) &&
      !(looks as readonly string[]).includes(command) &&
      elsewhere[command] === undefined &&
      !named.has(command) &&
      !blocks.some((block) => block.document === document && block.text.includes(command)),
  );
  expect(unknown.map(({ document, command }) => `${document}: ${command}`)).toEqual([]);
});

test.each(Object.entries(elsewhere))("%s is run where it is said to be", (_, [file, ...parts]) => {
  const text = readText(file);
  expect(parts.filter((part) => !text.includes(part))).toEqual([]);
});

test.each(blocks)("the block of $document is read by $test", ({ document, text, test }) => {
  const source = readText(test);
  expect(source).toContain(document.split("/").at(-1)!);
  expect(text.split("\n").length).toBeGreaterThan(1);
});

test("nothing is listed that no document has", () => {
  const all = new Set(commands.map(({ command }) => command));
  expect([...looks, ...Object.keys(elsewhere), ...named].filter((command) => !all.has(command))).toEqual([]);
});
