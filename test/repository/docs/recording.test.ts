import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { readText, repository } from "../../support/documents/markdown";

const recording = pathToFileURL(join(repository, "tools/demo/recording.mjs")).href;

/** What a function of tools/demo/recording.mjs makes of these arguments; `program` gets them as `args`. */
function made(program: string, ...args: readonly string[]): string {
  const script = `import { castOf, svgOf } from ${JSON.stringify(recording)};
    const args = JSON.parse(process.env.ARGS);
    process.stdout.write(${program});`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { ...process.env, ARGS: JSON.stringify(args) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const cast = readText("docs/demo.cast");
const [header, ...events] = cast
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as unknown) as [Record<string, unknown>, ...[number, string, string][]];

test("the recording is an asciicast of 80 columns that shows the whole demo", () => {
  expect(header).toMatchObject({ version: 2, width: 80, height: 24 });
  const times = events.map(([seconds]) => seconds);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const text = events.map(([, , one]) => one).join("");
  expect(text).toMatch(/\$ pulumi up .*\$ pulumi preview.*\$ pulumi destroy .*Done in \d+ s\./s);
  expect(text).toMatch(/guest1 sees now:\r\n[^=]*08:00\.0.*\r\n.*08:00\.1.*\r\n.*08:00\.2.*\r\n.*08:00\.3/);
});

test("the recording names nothing of the machine that it was made on", () => {
  expect(cast).not.toMatch(/\/(home|root|work|tmp)\/|PRIVATE KEY|192\.168\.|@[a-z]+:/);
});

test("the picture is what the recording makes, and small enough for a page", () => {
  const input = readText("docs/demo.svg");
  expect(made("svgOf(args[0])", cast)).toBe(input);
  expect(Buffer.byteLength(input)).toBeLessThan(200 * 1024);
});

test("times add up, and a character that arrives in two parts is one", () => {
  const program = `castOf(Buffer.from("Script started\\n\u00e4b\\n"), args[0], { width: 80, height: 24 })`;
  expect(made(program, "0.5 1\n0.25 2\n1 1\n").trim().split("\n").slice(1)).toEqual([
    '[0.5,"o",""]',
    '[0.75,"o","\u00e4b"]',
    '[1.75,"o","\\n"]',
  ]);
});

test("long lines wrap as in a terminal; control sequences are obeyed or refused", () => {
  const line = (text: string) =>
    `{"version":2,"width":4,"height":2,"title":"t"}\n[1,"o",${JSON.stringify(text)}]\n`;
  const rows = (text: string) =>
    [...made("svgOf(args[0])", line(text)).matchAll(/<text[^>]*>(.*?)</g)].map(([, row]) => row);
  expect(rows("abcdef\r\ngh")).toEqual(["abcd", "ef", "gh"]);
  expect(rows("abc\u001b[1G\u001b[0Kx")).toEqual(["x"]);
  expect(rows("<&")).toEqual(["&lt;&amp;"]);
  expect(() => rows("\u001b[2J")).toThrow(/does not know/);
});
