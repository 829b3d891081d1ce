import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const repository = join(__dirname, "../../..");

/** Each reads a clock, sets a timer, makes randomness or waits for a signal. */
const FORBIDDEN = [
  'import "node:timers/promises";',
  'import { performance } from "node:perf_hooks";',
  'import { randomUUID } from "node:crypto";',
  "setTimeout(f, 1);",
  "setImmediate(f);",
  "globalThis.setInterval(f, 1);",
  "f(Date.now());",
  "f(new Date());",
  "f(Date());",
  "const { now } = Date;",
  "f(performance.now());",
  "f(process.hrtime());",
  "f(Math.random());",
  "f(crypto.randomUUID());",
  "f(AbortSignal.timeout(1));",
  "f(AbortSignal.any([]));",
  "f(Promise.race([]));",
  'signal.addEventListener("abort", f);',
  "signal.onabort = f;",
];
const ALLOWED = [
  'import { createHash } from "node:crypto";',
  "f(new Date(3));",
  "f(new AbortController());",
  'socket.addEventListener("message", f);',
];
const STREAM = 'import { Duplex } from "node:stream";';

/** Prints, for each file and line of code, how many of these rules find something. They need no types. */
const LINT = `
  import { ESLint, Linter } from "eslint";
  const [lines, files] = process.argv.slice(1).map((text) => JSON.parse(text));
  const names = ["no-restricted-globals", "no-restricted-properties", "no-restricted-syntax",
    "@typescript-eslint/no-restricted-imports"];
  const found = [];
  for (const file of files) {
    const { rules, plugins } = await new ESLint().calculateConfigForFile(file);
    const picked = Object.fromEntries(names.filter((name) => rules[name]).map((name) => [name, rules[name]]));
    const config = [{ plugins: { "@typescript-eslint": plugins["@typescript-eslint"] }, rules: picked }];
    found.push(lines.map((line) => new Linter().verify(line, config).length));
  }
  console.log(JSON.stringify(found));
`;

/** For each file, how many rules find something in each line. */
async function lint(lines: readonly string[], files: readonly string[]): Promise<number[][]> {
  const args = [JSON.stringify(lines), JSON.stringify(files)];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", LINT, "--", ...args],
    { cwd: repository },
  );
  return JSON.parse(stdout) as number[][];
}

it("lets provider/async alone have clocks, timers, randomness and abort listeners", async () => {
  const lines = [...FORBIDDEN, ...ALLOWED, STREAM];
  const [apply, ground, qmp, libvirt] = await lint(lines, [
    "provider/apply/attach.ts",
    "provider/async/clock.ts",
    "provider/qmp/reply.ts",
    "provider/libvirt-rpc/message.ts",
  ]);
  expect(apply).toEqual([...FORBIDDEN.map(() => 1), ...ALLOWED.map(() => 0), 0]);
  const own = FORBIDDEN.filter((line) => !/node:(timers|perf_hooks)/.test(line));
  expect(own.map((line) => ground![lines.indexOf(line)])).toEqual(own.map(() => 0));
  // a protocol gets its bytes by way of the port in provider/async
  expect([qmp!.at(-1), libvirt!.at(-1)]).toEqual([1, 1]);
});
