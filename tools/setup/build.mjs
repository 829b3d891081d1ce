import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { runTold } from "./progress.mjs";
import { root } from "./root.mjs";

/** All that goes into dist/, or decides how. */
const SOURCES = [
  "sdk",
  "provider",
  "tools/release/build.mjs",
  "tools/release/bundled-licences.mjs",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
const RESULTS = ["dist/provider.js", "dist/provider.d.ts", "dist/sdk/index.js", "dist/sdk/index.d.ts"];
/** Remembers which sources were built, and what came out. */
const STAMP = path.join(root, "node_modules/.cache/setup-build");

/** dist/, which the examples and the real CLI use. */
export const build = {
  name: "build",

  isReady: () => readOrEmpty(STAMP) === stamp(),

  obstacle: () => undefined,

  async make(log) {
    await runTold(log, "Building dist/", process.execPath, ["tools/release/build.mjs"], { cwd: root });
    fs.mkdirSync(path.dirname(STAMP), { recursive: true });
    fs.writeFileSync(STAMP, stamp());
  },
};

function stamp() {
  const hash = createHash("sha256");
  for (const name of [...SOURCES, ...RESULTS]) {
    for (const file of filesAt(path.join(root, name))) {
      hash
        .update(`${path.relative(root, file)}\0`)
        .update(fs.readFileSync(file))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

function filesAt(place) {
  if (!fs.existsSync(place)) return [];
  if (!fs.statSync(place).isDirectory()) return [place];
  const entries = fs.readdirSync(place, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

function readOrEmpty(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
