import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";

/** Where the helper puts its lock files, by the same rule. */
export const LOCK_DIR =
  existsSync("/run/lock") && (statSync("/run/lock").mode & 0o1000) !== 0 ? "/run/lock" : "/tmp";

/** A lock's name of this test process only: other tests and runs use the same directory. */
export const own = (name: string): string => `test-${process.pid}-${name}`;

/** The lock files of this test process. */
export const lockFiles = (): readonly string[] =>
  readdirSync(LOCK_DIR).filter((name) => name.includes(own("")));

/** The numbers of the processes that have such a lock's file open. */
export const helpersHolding = (name: string): readonly string[] =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .filter((pid) => openFiles(pid).some((file) => file.includes(own(name))));

/** Whether the promise has not been settled within that time. */
export const isPending = (promise: Promise<unknown>, ms = 250): Promise<boolean> =>
  Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setTimeout(resolve, ms, true))]);

function openFiles(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
