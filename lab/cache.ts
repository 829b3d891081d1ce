import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { holdFileLock } from "./file-lock";
import type { Log } from "./progress";

/** How long a build that nothing asked for any more stays in the cache. */
const UNUSED_AFTER_MS = 14 * 24 * 3600 * 1000;

/** The folder that outlives checkouts: `$MULTIFUNCTION_PCI_CACHE`, else the user's own cache folder. */
export function cacheFolder(): string {
  const own = process.env["MULTIFUNCTION_PCI_CACHE"];
  if (own) return own;
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "pulumi-multifunction-pci");
}

/** A key that changes with the content of any file below `folder`, and with any of `facts`. */
export async function recipeKey(facts: readonly string[], folder?: string): Promise<string> {
  const hash = createHash("sha256");
  if (folder !== undefined) {
    for (const name of await filesBelow(folder)) {
      hash
        .update(`${name}\0`)
        .update(await readFile(join(folder, name)))
        .update("\0");
    }
  }
  for (const fact of facts) hash.update(`${fact}\0`);
  return hash.digest("hex").slice(0, 16);
}

/** What `ensureBuilt` is to make, and how. */
export interface CachedBuild {
  /** Family of the build, as in `image`; old members of a family are pruned. */
  readonly family: string;
  readonly key: string;
  /** Fills the empty folder it is given. A throw leaves nothing behind. */
  readonly build: (folder: string) => Promise<void>;
  readonly log: Log;
}

/** Where the result of a build is or would be. */
export function builtFolder(build: Pick<CachedBuild, "family" | "key">): string {
  return join(cacheFolder(), `${build.family}-${build.key}`);
}

/**
 * The folder with the result of a build, made now if it is not in the cache.
 * Built beside its final place and renamed, under a lock: a killed build leaves no half result,
 * and two runs at once build once.
 */
export async function ensureBuilt(build: CachedBuild): Promise<string> {
  const folder = builtFolder(build);
  if (existsSync(folder)) {
    await markUsed(folder);
    return folder;
  }
  await mkdir(cacheFolder(), { recursive: true });
  const lock = await holdFileLock(join(cacheFolder(), `${build.family}.lock`), build.log);
  try {
    if (existsSync(folder)) return folder;
    await removeLeftovers(build.family);
    const unfinished = await mkdtemp(join(cacheFolder(), `unfinished-${build.family}-`));
    try {
      await build.build(unfinished);
      await rename(unfinished, folder);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
    return folder;
  } finally {
    await lock.release();
  }
}

async function markUsed(folder: string): Promise<void> {
  const now = new Date();
  // Only pruning looks at it; someone else's read-only cache is as good.
  await utimes(folder, now, now).catch(() => undefined);
}

/** Called with the family's lock held, so whatever is unfinished was abandoned. */
async function removeLeftovers(family: string): Promise<void> {
  for (const name of await readdir(cacheFolder())) {
    const path = join(cacheFolder(), name);
    const abandoned = name.startsWith(`unfinished-${family}-`);
    const old = name.startsWith(`${family}-`) && Date.now() - (await stat(path)).mtimeMs > UNUSED_AFTER_MS;
    if (abandoned || old) await rm(path, { recursive: true, force: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
