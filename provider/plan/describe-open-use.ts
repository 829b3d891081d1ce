import type { HostProcess, OpenNode } from "../host/facts";
import type { HostNote, OpenUseReason } from "../host/uses";
import { listSome } from "./list-some";

/** Most nodes, and most processes of each, that are named. */
const MOST_NAMED = 3;

/** What programs of the host use a function for, in words that follow "it". */
export function describeOpenUse(use: OpenUseReason): string {
  switch (use.kind) {
    case "open":
      return `is open on the host: ${listOpen(use.nodes)}`;
    case "module-in-use": {
      const by = use.processes.length === 0 ? "by whom is not known" : `by ${listProcesses(use.processes)}`;
      const times = use.count === 1 ? "once" : `${use.count} times`;
      return `may be in use: its driver's module ${use.module} is open ${times}, ${by}`;
    }
  }
}

/** `snd/controlC0 by process 812 (pipewire), sda, and 2 more` */
function listOpen(nodes: readonly OpenNode[]): string {
  const named = nodes.slice(0, MOST_NAMED).map(({ node, processes }) => {
    const by = processes.length === 0 ? "" : ` by ${listProcesses(processes)}`;
    return `${node}${by}`;
  });
  const others = nodes.length - named.length;
  return `${named.join(", ")}${others > 0 ? `, and ${others} more` : ""}`;
}

/** `process 812 (pipewire)`, `process 812 (pipewire), process 901 (aplay) and 2 more` */
export function listProcesses(processes: readonly HostProcess[]): string {
  return listSome(
    processes,
    MOST_NAMED,
    ({ pid, name }) => `process ${pid}${name === "" ? "" : ` (${name})`}`,
  );
}

/** Whose open files were not seen. */
export function describeUnseenOpeners({
  seen,
  hostAddresses,
}: Extract<HostNote, { readonly kind: "unseen-openers" }>): string {
  const who =
    seen === "own" ? "only this login's own processes were seen (root sees all)" : "not all were seen";
  return `who has ${listSome(hostAddresses, MOST_NAMED)} open on the host is not known: ${who}`;
}
