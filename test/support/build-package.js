"use strict";
// Jest global setup: dist/ from today's sources, for the tiers that run the package as a program does. Where
// several tiers run side by side, whoever starts them has built it, once.
const { execFileSync } = require("node:child_process");
const path = require("node:path");

module.exports = () => {
  if (process.env["MULTIFUNCTION_PCI_IS_BUILT"]) return;
  const root = path.resolve(__dirname, "../..");
  execFileSync(process.execPath, [path.join(root, "tools/release/build.mjs")], {
    cwd: root,
    stdio: "inherit",
  });
};
