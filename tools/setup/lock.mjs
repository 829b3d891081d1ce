import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";

/**
 * Runs `step` while no other process runs one with the same file. The kernel keeps the lock for a child whose
 * input is a pipe of ours: however this process ends, the pipe ends with it, and the child, and the lock.
 */
export async function withFileLock(file, log, step) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const holder = spawn("flock", ["--exclusive", file, "sh", "-c", "echo held; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit");
  const told = setTimeout(() => log(`Waiting for another setup that is under way (${file})`), 1_000);
  try {
    const held = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
    if (!held) throw new Error(`flock could not lock ${file}`);
  } finally {
    clearTimeout(told);
  }
  try {
    return await step();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
