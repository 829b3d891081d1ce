#!/usr/bin/env node
/**
 * Makes this machine ready for the tests, the bench and the demo: `node tools/setup/main.mjs [step…]`.
 *
 * Steps: packages, npm, build, pulumi, lab; default: all, in this order. Only by their names: check-packages,
 * bench-packages. Nothing is done twice, so a second run is over in a second. Plain Node without
 * dependencies: it is what installs them.
 */
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { cacheFolder } from "../pulumi-cli/ensure.mjs";
import { build } from "./build.mjs";
import { lab } from "./lab.mjs";
import { withFileLock } from "./lock.mjs";
import { npm } from "./npm.mjs";
import { benchPackages, checkPackages, packages } from "./packages.mjs";
import { pulumi } from "./pulumi.mjs";

const STEPS = [packages, npm, build, pulumi, lab];
/** Those that only their name asks for. */
const EXTRA_STEPS = [checkPackages, benchPackages];
const OLDEST_NODE = 20;

/**
 * Ensures that all, or only the named steps, are done.
 *
 * @param {{ only?: readonly string[], log?: (line: string) => void }} [options]
 *   `only`: names of steps; `log`: where progress goes, one line at a time (default: standard error).
 * @returns {Promise<{ pulumiFolder: string | undefined }>} the folder to put in front of PATH for `pulumi`.
 * @throws an Error that says what is missing, and the command that installs it, where this may not install
 * it.
 */
export async function ensureAll({ only, log = (line) => process.stderr.write(`${line}\n`) } = {}) {
  const all = [...STEPS, ...EXTRA_STEPS];
  const unknown = (only ?? []).filter((name) => !all.some((step) => step.name === name));
  if (unknown.length > 0)
    throw new Error(`No such step: ${unknown.join(", ")}. Steps: ${all.map((s) => s.name).join(", ")}`);
  const major = Number(process.versions.node.split(".")[0]);
  if (major < OLDEST_NODE)
    throw new Error(`Node ${OLDEST_NODE} or newer is needed, this is ${process.versions.node}`);

  let pulumiFolder;
  for (const step of all) {
    if (only ? !only.includes(step.name) : !STEPS.includes(step)) continue;
    if (step.isReady()) continue;
    const obstacle = step.obstacle();
    if (obstacle !== undefined) throw new Error(obstacle);
    const result = await withFileLock(path.join(cacheFolder(), `setup-${step.name}.lock`), log, async () =>
      step.isReady() ? undefined : step.make(log),
    );
    pulumiFolder ??= result?.binDir;
  }
  return { pulumiFolder };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const startedMs = Date.now();
  try {
    await ensureAll(names.length > 0 ? { only: names } : {});
    console.error(`Everything is ready (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
