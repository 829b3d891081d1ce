import { join } from "node:path";

/** Runs a command in a tree, in a layer of its own. */
const ENTER = join(__dirname, "enter-tree.sh");

/** How a program of a tree is started. */
export interface InTree {
  readonly tree: string;
  /** Folders of this machine that it sees at their own paths. */
  readonly folders: readonly string[];
  /**
   * With processes and a network of its own: what it leaves behind ends with its first process. Default:
   * false.
   */
  readonly apart?: boolean;
}

/** The command line that runs a program in a tree (root needed); it ends with the process that starts it. */
export function inTree({ tree, folders, apart }: InTree, command: readonly string[]): string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"],
    ...(apart ? ["--pid", "--fork", "--kill-child=KILL", "--net", "--ipc", "--uts"] : []),
    ...["sh", ENTER, tree, ...folders, "--", ...command],
  ];
}
