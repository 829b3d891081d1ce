import { runCommand } from "../command";
import { DIE_TOGETHER, SMALL } from "../mmdebstrap";

const LIMIT_MS = 15 * 60_000;

/** Fills an empty folder with packages of Debian (root needed). `args` end with the release. */
export async function makeTree(args: readonly string[], tree: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("Trees of other QEMUs are made and run by root only");
  const command: string[] = [
    ...DIE_TOGETHER,
    "mmdebstrap",
    "--mode=root",
    "--quiet",
    ...SMALL,
    ...args,
    tree,
  ];
  const [file = "", ...rest] = command;
  await runCommand(file, rest, { timeoutMs: LIMIT_MS });
}
