import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { now } from "../../async/clock";
import { sleep } from "../../async/sleep";
import { assessHostKey, type HostKeyPolicy, type HostKeyVerdict } from "./host-key-check";
import { addKnownHostsLine, makeFolderOf, takeBackKnownHostsLine } from "./known-hosts-files";
import type { PublicKey } from "../keys/public-key";

/** Writing takes a millisecond; who holds the lock for longer than this has ended without letting go. */
const LOCK_STALE_MS = 3000;
const LOCK_POLL_MS = 10;

/**
 * Writes a new host's key to known_hosts, once the host has proved that it holds it. Another connection or
 * process may have written a line for this host since its key was judged: so it is judged again, under a lock
 * of this package's own, before the line is written; and once more afterwards, because `ssh` takes no lock.
 * Of two keys that were written for one host, the one that stands first in the file counts.
 *
 * @param policyNow reads known_hosts as it is
 * @returns the verdict that counts: what is left to do is never to record
 * @throws the file system's error
 */
export async function recordHostKey(
  verdict: HostKeyVerdict & { readonly kind: "accept-and-record" },
  received: PublicKey,
  policyNow: () => HostKeyPolicy,
  signal: AbortSignal,
): Promise<HostKeyVerdict> {
  const { file, line } = verdict;
  makeFolderOf(file);
  const unlock = await lock(`${file}.lock`, signal);
  try {
    const again = assessHostKey(policyNow(), received);
    if (again.kind !== "accept-and-record") return again;
    const number = addKnownHostsLine(file, line);
    const after = assessHostKey(
      withoutLinesFrom(policyNow(), file, number === 0 ? Infinity : number),
      received,
    );
    if (after.kind === "accept-and-record") return { kind: "accept" };
    takeBackKnownHostsLine(file, line);
    return after;
  } finally {
    unlock();
  }
}

/** What stood in a file before this line, and what other files have. */
function withoutLinesFrom(policy: HostKeyPolicy, file: string, number: number): HostKeyPolicy {
  const isBefore = ({ source }: { readonly source: string }): boolean => {
    const [, name, digits] = /^(.*):(\d+)$/s.exec(source) ?? [];
    return name !== file || Number(digits) < number;
  };
  return { ...policy, expected: policy.expected.filter(isBefore) };
}

/**
 * A lock file that whoever makes it holds. It keeps two processes from writing the same line twice; what
 * counts is not decided by it, so where none can be made (a folder that is not writable) it goes without.
 */
async function lock(path: string, signal: AbortSignal): Promise<() => void> {
  for (const startedAt = now(); ; await sleep(LOCK_POLL_MS, signal)) {
    try {
      closeSync(openSync(path, "wx", 0o600));
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return () => undefined;
    }
    if (isStale(path)) rmSync(path, { force: true });
    else if (now() - startedAt > 2 * LOCK_STALE_MS) return () => undefined;
  }
}

function isStale(path: string): boolean {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && Math.abs(now() - made) > LOCK_STALE_MS;
}
