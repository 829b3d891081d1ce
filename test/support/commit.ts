import { spawnSync } from "node:child_process";

/** The commit of the sources, short, for what is recorded of a run; empty where they are no checkout. */
export function currentCommit(): string {
  return spawnSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: __dirname,
    encoding: "utf8",
  }).stdout.trim();
}
