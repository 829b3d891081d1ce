/**
 * `npm run check:shell`: shellcheck over every shell script of the repository, whether its name says that it
 * is one or its first line. A script that another one sources is looked at as a part of that.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What a script cannot say in itself. */
const options = {
  // A comment would change the key of the lab's image. `status` is for the line that a caller sends next.
  "lab/image/recipe/guest-init.sh": ["--shell=dash", "--exclude=SC2034"],
};

const missing = `shellcheck is missing. On Debian: apt-get install --no-install-recommends shellcheck
(as root, node tools/setup/main.mjs check-packages does it); elsewhere: https://www.shellcheck.net`;

const read = (file) => fs.readFileSync(path.join(root, file), "utf8");

/** All scripts of a shell in the checkout, also those that are not committed yet. */
function shellScripts() {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { status, stdout } = spawnSync("git", list, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git does not list the files of ${root}`);
  const isFile = (file) => fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile();
  const files = [...new Set(stdout.split("\0"))].filter(isFile);
  return files.filter((file) => file.endsWith(".sh") || isStartedByShell(read(file)));
}

function isStartedByShell(text) {
  return /^#!.*\b(ba|da|k)?sh( .*)?$/.test(text.split("\n", 1)[0]);
}

/** The files that a script's lines `. NAME` mean. */
function sourcedBy(file) {
  const names = [...read(file).matchAll(/^\. (\S+)$/gm)].map(([, name]) => name);
  return names.map((name) => path.join(path.dirname(file), name));
}

/** Whether shellcheck has nothing to say of these scripts. */
function isClean(files, extra) {
  const words = ["--check-sourced", "--external-sources", ...extra, ...files];
  const { status, error } = spawnSync("shellcheck", words, { cwd: root, stdio: "inherit" });
  if (error?.code === "ENOENT") throw new Error(missing);
  return status === 0;
}

try {
  const scripts = shellScripts();
  const parts = new Set(scripts.flatMap(sourcedBy));
  const whole = scripts.filter((file) => !parts.has(file));
  const plain = whole.filter((file) => !(file in options));
  const others = whole.filter((file) => file in options);
  const results = [isClean(plain, []), ...others.map((file) => isClean([file], options[file]))];
  if (results.includes(false)) process.exitCode = 1;
  else console.log(`${scripts.length} shell scripts are clean`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
