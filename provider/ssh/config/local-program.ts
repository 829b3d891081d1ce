import { execFile } from "node:child_process";
import { childEnvironment } from "./child-environment";

/** What a program on this machine came to. */
export interface ProgramOutcome {
  readonly stdout: string;
  /** Undefined where it ended with status 0. */
  readonly failure?: {
    readonly kind: "is not there" | "took too long" | "failed";
    /** In words, with the first line of what it has written to standard error. */
    readonly text: string;
  };
}

/** How a program is run. */
export interface ProgramLimits {
  readonly limitMs: number;
  /** Of what it writes; it is ended where it writes more. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end, without a shell, without input, and without this provider's and Pulumi's
 * credentials in its environment.
 *
 * @param argv - the program, looked for on PATH where it has no slash, and its arguments
 * @returns never rejects
 */
export async function runProgram(
  [program = "", ...args]: readonly string[],
  { limitMs, maxBytes, signal }: ProgramLimits,
): Promise<ProgramOutcome> {
  const options = {
    env: childEnvironment(process.env),
    timeout: limitMs,
    killSignal: "SIGKILL",
    maxBuffer: maxBytes,
    ...(signal !== undefined && { signal }),
  } as const;
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ stdout });
      if (error.code === "ENOENT")
        return resolve({ stdout: "", failure: { kind: "is not there", text: "it is not there" } });
      const isLate = error.killed === true && error.code !== "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
      const text = isLate ? `no answer within ${limitMs / 1000} s` : failureText(error, stderr);
      resolve({ stdout, failure: { kind: isLate ? "took too long" : "failed", text } });
    });
    child.stdin?.end();
  });
}

function failureText(error: { readonly code?: unknown; readonly signal?: unknown }, stderr: string): string {
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return "it writes too much";
  const said = stderr
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trim();
  if (said !== undefined) return said;
  return typeof error.code === "number"
    ? `it ended with status ${error.code}, without a word`
    : "it failed without a word";
}
