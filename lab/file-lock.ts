import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Log } from "./progress";

/** A lock that is held until `release`, or until this process dies, however it dies. */
export interface FileLock {
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock on `path`, waiting as long as another process holds it.
 * The kernel keeps the lock for a child whose input is our end of a pipe: when we are gone the
 * pipe ends, the child with it, and the lock is free. Node has no flock of its own.
 */
export async function holdFileLock(path: string, log: Log): Promise<FileLock> {
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo held; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit");
  const waiting = setTimeout(() => log(`Waiting for another run that holds ${path} …`), 1_000);
  try {
    const held = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
    if (!held) throw new Error(`Could not lock ${path}: flock ended with code ${holder.exitCode}`);
  } finally {
    clearTimeout(waiting);
  }
  return {
    release: async () => {
      holder.stdin.end();
      await ended;
    },
  };
}
