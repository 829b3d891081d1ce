import fs from "node:fs";
import path from "node:path";
import { expectSuccess, repository, type CommandResult } from "./pulumi-project";

/** Set to write the READMEs of the examples anew instead of comparing them. */
const isRecording = process.env["RECORD_EXAMPLES"] === "1";

const readmeOf = (example: string): string => path.join(repository, "examples", example, "README.md");

/**
 * An example's README shows what these commands print: a block that begins with them, each behind `$ `, and
 * goes on with this. `RECORD_EXAMPLES=1` writes the block.
 */
export function expectRecorded(example: string, commands: readonly string[], printed: string): void {
  const text = fs.readFileSync(readmeOf(example), "utf8");
  const begin = `\`\`\`text\n${commands.map((command) => `$ ${command}\n`).join("")}`;
  const [before = "", rest] = text.split(begin);
  if (rest === undefined) throw new Error(`examples/${example}/README.md has no block\n${begin}`);
  const end = rest.indexOf("```");
  const timeless = withoutMachines(printed).trim();
  expect(timeless).not.toBe("");
  if (isRecording) fs.writeFileSync(readmeOf(example), `${before}${begin}${timeless}\n${rest.slice(end)}`);
  else expect(timeless).toBe(rest.slice(0, end).trim());
}

/**
 * Without the lines that depend on the machine: what a step prints every few seconds, and what
 * is not known of the network of a machine that stands in for the host.
 */
function withoutMachines(printed: string): string {
  return printed
    .replace(/^.*: step \S+: still under way after \d+ s\n/gm, "")
    .replace(
      /^.*: what carries .* is not known, so each function with an interface that is up counts as used\n/gm,
      "",
    );
}

/** The commands under a heading of an example's README, a text for each block of `sh`. */
export function commandsUnder(example: string, heading: string): string[] {
  const [, rest = ""] = fs.readFileSync(readmeOf(example), "utf8").split(`\n## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  const blocks = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, text = ""]) => text);
  if (blocks.length === 0)
    throw new Error(`examples/${example}/README.md has no commands under "${heading}"`);
  return blocks;
}

/** A preview waits a quarter of a minute for its look; a busy machine may need more than one. */
const PREVIEWS = 4;

/** {@link endOfPreview} of a preview that could look at the host. */
export async function previewed(
  preview: () => Promise<CommandResult>,
  order: readonly string[] = [],
): Promise<string> {
  for (let tries = 1; ; tries++) {
    const printed = endOfPreview(await preview(), order);
    if (tries === PREVIEWS || !printed.includes("the host cannot be looked at")) return printed;
  }
}

/**
 * What a preview prints from `Diagnostics:` to its count of resources. Before that the CLI prints each line
 * once more while it works, and when is chance; outputs are in between.
 *
 * @param order in which the resources' lines stand, where they come side by side
 */
function endOfPreview(result: CommandResult, order: readonly string[]): string {
  const { stdout } = expectSuccess(result);
  const [, end] = /\n(Diagnostics:\n.*?\nResources:\n(?: {4}.*\n)+)/s.exec(stdout) ?? [];
  if (end === undefined) throw new Error(`no diagnostics in\n${stdout}`);
  const lines = end.replace(/\nOutputs:\n.*(?=\nResources:)/s, "").split("\n");
  const rank = (line: string): number => order.findIndex((name) => line.trim().startsWith(`${name}:`));
  const sorted = lines.filter((line) => rank(line) >= 0).sort((a, b) => rank(a) - rank(b));
  return lines.map((line) => (rank(line) >= 0 ? (sorted.shift() ?? line) : line)).join("\n");
}
