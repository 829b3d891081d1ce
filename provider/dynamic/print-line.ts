import type { Progress } from "../operations/operation-context";
import { printable } from "../errors";

/** Prints a line that may quote a peer, so that it stays within its line. */
export function printLine(line: string): void {
  console.log(printable(line));
}

/** Lines of progress, each with the name of its resource, because all resources share one output. */
export function progressOf(ownerToken: unknown): Progress {
  const token = String(ownerToken);
  const name = token.slice(token.lastIndexOf("/") + 1);
  return (line) => printLine(`${name}: ${line}`);
}
