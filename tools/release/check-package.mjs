/**
 * `npm run check:package`: packs the package as `npm publish` would and has the tarball judged by publint
 * (its package.json, exports, files) and by Are The Types Wrong (whether each way to import it finds its
 * types).
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "../setup/root.mjs";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-pack-"));

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(`${path.basename(program)} ${args.join(" ")} ended with ${status}`);
}

try {
  run("npm", "pack", "--silent", "--pack-destination", folder);
  const tarball = path.join(folder, fs.readdirSync(folder)[0]);
  const tool = (name) => path.join(root, "node_modules/.bin", name);
  run(tool("publint"), "run", tarball, "--strict");
  // CommonJS on purpose: an ES module that imports it gets what Node gives, a default and the named exports.
  run(tool("attw"), tarball, "--profile", "node16", "--no-emoji");
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
