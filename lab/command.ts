import { spawn } from "node:child_process";

/** How a program is run; the defaults suit short ones. */
export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The program is killed after this long. Default: one minute. */
  readonly timeoutMs?: number;
}

/** How much of a failed program's output goes into the error. */
const QUOTED_CHARACTERS = 2_000;

/** Runs a local program to its end and returns its output; throws with the tail of it if it fails. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: options.env ?? process.env,
    cwd: options.cwd,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode, signal) => resolve(exitCode ?? signal ?? "unknown"));
  });
  if (code === 0) return stdout;
  const tail = (stderr.trim() || stdout.trim()).slice(-QUOTED_CHARACTERS);
  throw new Error(`${file} ${args.join(" ")} ended with ${code} (limit ${timeoutMs} ms): ${tail}`);
}
