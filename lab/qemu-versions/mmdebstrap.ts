import { runCommand } from "../command";

const LIMIT_MS = 15 * 60_000;

/** As with the lab's image: whatever a package manager has begun ends with this process. */
const DIE_TOGETHER = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"],
];

const COMMON = [
  "--mode=root",
  "--quiet",
  '--aptopt=APT::Install-Recommends "false"',
  '--aptopt=Acquire::Languages "none"',
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
];

/** Fills an empty folder with packages of Debian (root needed). `args` end with the release. */
export async function makeTree(args: readonly string[], tree: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("Trees of other QEMUs are made and run by root only");
  const command: string[] = [...DIE_TOGETHER, "mmdebstrap", ...COMMON, ...args, tree];
  const [file = "", ...rest] = command;
  await runCommand(file, rest, { timeoutMs: LIMIT_MS });
}
