/**
 * Finds the Pulumi CLI, or builds it once from the Go module proxy into the user's cache.
 *
 * Three programs are needed to run a TypeScript program: `pulumi`, its Node.js language host
 * `pulumi-language-nodejs`, and the launcher of dynamic providers `pulumi-resource-pulumi-nodejs`. The CLI
 * looks for the other two on PATH and beside itself. Plain Node without dependencies: it also runs before
 * `npm ci`. docs/internals/pulumi.md says why the modules beside this file look as they do.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const launcher = "pulumi-resource-pulumi-nodejs";
const languageHost = "pulumi-language-nodejs";
const progressEveryMs = 10_000;
const lockPollMs = 2_000;

/**
 * The folder that holds everything this project downloads or builds outside of the repository:
 * `$MULTIFUNCTION_PCI_CACHE`, else `pulumi-multifunction-pci` in the user's cache folder.
 */
export function cacheFolder() {
  const own = process.env.MULTIFUNCTION_PCI_CACHE;
  if (own) return path.resolve(own);
  const base = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(base, "pulumi-multifunction-pci");
}

/**
 * Makes `pulumi`, its Node.js language host and the launcher of dynamic providers available.
 *
 * @param {{ log: (line: string) => void, searchPath?: string }} options `log` gets one line of progress at a
 *   time; `searchPath` is where installed programs are looked for (default `$PATH`).
 * @returns {Promise<{ binDir: string }>} the folder to put in front of PATH.
 * @throws when something must be built and Go is missing or the build fails; the message says what to do.
 */
export async function ensurePulumiCli({ log, searchPath = process.env.PATH ?? "" }) {
  const installed = findProgram("pulumi", searchPath);
  const besideIt = installed ? path.dirname(fs.realpathSync(installed)) : undefined;
  const has = (name) => findProgram(name, [searchPath, besideIt].join(path.delimiter)) !== undefined;
  if (installed && has(languageHost) && has(launcher)) return { binDir: path.dirname(installed) };

  const wanted = [
    ...(installed ? [] : [{ program: "pulumi", module: "cli", minutes: "about 4 minutes on 2 cores" }]),
    ...(installed && has(languageHost)
      ? []
      : [{ program: languageHost, module: "nodejs-host", minutes: "about 20 seconds" }]),
  ];
  const key = [...wanted.map(({ module }) => `${module}-${moduleVersion(module)}`), "launcher-1"].join("_");
  const target = path.join(cacheFolder(), "pulumi-cli", key);
  const complete = () => fs.existsSync(path.join(target, launcher));
  if (complete()) return { binDir: target };

  fs.mkdirSync(path.dirname(target), { recursive: true });
  const release = await lock(`${target}.lock`, log);
  try {
    if (complete()) return { binDir: target }; // another process was building it while this one waited
    const staging = `${target}.building-${process.pid}`;
    fs.rmSync(staging, { recursive: true, force: true });
    fs.mkdirSync(staging);
    for (const item of wanted) await build(item, staging, searchPath, log);
    fs.copyFileSync(path.join(here, launcher), path.join(staging, launcher));
    fs.chmodSync(path.join(staging, launcher), 0o755);
    fs.rmSync(target, { recursive: true, force: true });
    fs.renameSync(staging, target); // atomic: the folder is there with all of its programs, or not at all
    return { binDir: target };
  } finally {
    release();
  }
}

/** @returns {string | undefined} the path of an executable file with this name in a PATH-like list. */
function findProgram(name, searchPath) {
  for (const folder of searchPath.split(path.delimiter).filter(Boolean)) {
    const candidate = path.join(folder, name);
    try {
      fs.accessSync(candidate, fs.constants.X_OK);
      if (fs.statSync(candidate).isFile()) return candidate;
    } catch {
      // not here, try the next folder
    }
  }
  return undefined;
}

/** The version of the Pulumi module that a module beside this file requires: part of the cache's key. */
function moduleVersion(module) {
  const text = fs.readFileSync(path.join(here, module, "go.mod"), "utf8");
  const match = /github\.com\/pulumi\/pulumi\/(?:pkg|sdk)\/v3 (v[\w.-]+)/.exec(toolFirst(text));
  if (!match) throw new Error(`tools/pulumi-cli/${module}/go.mod requires no Pulumi module`);
  return match[1];
}

/** Keeps only the lines about the Pulumi module that the `tool` line names (the CLI requires two of them). */
function toolFirst(text) {
  const tool = /^tool (github\.com\/pulumi\/pulumi\/(?:pkg|sdk)\/v3)/m.exec(text)?.[1] ?? "";
  return text
    .split("\n")
    .filter((line) => line.includes(`${tool} v`))
    .join("\n");
}

async function build({ program, module, minutes }, staging, searchPath, log) {
  const go = findProgram("go", [searchPath, "/usr/local/go/bin"].join(path.delimiter));
  if (!go) {
    throw new Error(
      `${program} is not on PATH, and building it needs Go 1.21 or newer, which is not on PATH either. ` +
        `Install Pulumi (https://www.pulumi.com/docs/install/) or Go (https://go.dev/dl/) and run this again.`,
    );
  }
  const version = moduleVersion(module);
  const started = Date.now();
  log(`building ${program} ${version} with Go, once (${minutes})`);
  const tool = /^tool (\S+)$/m.exec(fs.readFileSync(path.join(here, module, "go.mod"), "utf8"))?.[1];
  // Stripped: half the size and a shorter link. The version is stamped in, as in Pulumi's own releases;
  // without it the CLI counts as a development build.
  const linkerFlags = `-s -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`;
  const args = [
    "build",
    "-mod=readonly",
    "-buildvcs=false",
    "-ldflags",
    linkerFlags,
    "-o",
    path.join(staging, program),
  ];
  const child = spawn(go, [...args, tool], {
    cwd: path.join(here, module),
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let tail = "";
  child.stderr.on("data", (chunk) => (tail = (tail + String(chunk)).slice(-4000)));
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const progress = setInterval(() => {
    const lastLine = tail.trimEnd().split("\n").pop() ?? "";
    log(`building ${program}: ${seconds()} s${lastLine ? ` (${lastLine.slice(0, 80)})` : ""}`);
  }, progressEveryMs);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0) {
      throw new Error(
        `go build of ${program} ${version} failed with exit code ${code} after ${seconds()} s. Check that the ` +
          `Go module proxy (go env GOPROXY) is reachable and run this again. Go said:\n${tail.trimEnd()}`,
      );
    }
  } finally {
    clearInterval(progress);
  }
  log(`built ${program} in ${seconds()} s`);
}

/**
 * Takes a lock that dies with its holder: a file with the holder's process id, linked into place so that it
 * is never seen without one. It saves work rather than data: two builders would not spoil each other's files.
 *
 * @returns {Promise<() => void>} gives it back.
 */
async function lock(file, log) {
  const mine = `${file}-${process.pid}`;
  fs.writeFileSync(mine, String(process.pid));
  try {
    let said = false;
    for (;;) {
      try {
        fs.linkSync(mine, file);
        return () => fs.rmSync(file, { force: true });
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }
      const holder = Number.parseInt(readOrEmpty(file), 10);
      if (Number.isInteger(holder) && !isAlive(holder)) {
        fs.rmSync(file, { force: true });
        continue;
      }
      if (!said) log(`waiting for process ${holder}, which builds the same thing (${file})`);
      said = true;
      await sleep(lockPollMs);
    }
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

function readOrEmpty(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// As a program: progress on stderr, the folder alone on stdout, for scripts that set PATH with it.
if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { binDir } = await ensurePulumiCli({ log: (line) => console.error(line) });
  console.log(binDir);
}
