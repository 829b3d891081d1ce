import { spawn } from "node:child_process";

/** A step is announced after this long, and from then on tells at each interval that it goes on. */
const QUIET_MS = 2_000;
const INTERVAL_MS = 10_000;
/** How much of a failed program's output is shown. */
const TAIL_CHARACTERS = 3_000;

/**
 * Runs a program and tells of it if it takes longer than two seconds; its output is shown only if it fails.
 *
 * @param {(line: string) => void} log
 * @param {string} what for people: what goes on
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @throws an Error with the end of the output if the program fails.
 */
export async function runTold(log, what, file, args, options = {}) {
  const startedMs = Date.now();
  const elapsed = () => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
  let output = "";
  let told = false;
  const tell = () => {
    const last = output.trimEnd().split("\n").pop()?.slice(0, 90) ?? "";
    log(told ? `${what}: still at it after ${elapsed()}${last && ` (${last})`}` : `${what} …`);
    told = true;
  };
  let repeat;
  const first = setTimeout(() => {
    tell();
    repeat = setInterval(tell, INTERVAL_MS);
  }, QUIET_MS);
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output = (output + text).slice(-TAIL_CHARACTERS)));
  }
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (code !== 0)
      throw new Error(`${what} failed: "${file} ${args.join(" ")}" ended with ${code}\n${output.trimEnd()}`);
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
  }
  if (told) log(`${what}: done in ${elapsed()}`);
}
