import fs from "node:fs";
import path from "node:path";
import { runTold } from "./progress.mjs";
import { root } from "./root.mjs";

/** What node_modules must hold, as package-lock.json says. */
export const npm = {
  name: "npm",

  /** Compared by content: time stamps say nothing after a checkout. */
  isReady() {
    const wanted = readPackages("package-lock.json");
    const present = readPackages("node_modules/.package-lock.json");
    return Object.entries(wanted).every(
      ([folder, entry]) =>
        folder === "" || entry.link || entry.optional || present[folder]?.version === entry.version,
    );
  },

  obstacle: () => undefined,

  make: (log) =>
    runTold(log, "Installing npm dependencies", "npm", ["ci", "--no-audit", "--no-fund"], { cwd: root }),
};

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), "utf8")).packages;
  } catch {
    return {};
  }
}
