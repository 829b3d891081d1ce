/**
 * `node tools/demo/record.mjs`: runs `npm run demo` in a terminal of 80 columns and 24 rows, and writes
 * docs/demo.cast (asciicast, with the times as they were) and docs/demo.svg, which plays it. `--svg` writes
 * the picture anew from the cast.
 */
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { castOf, svgOf } from "./recording.mjs";
import { root } from "../setup/root.mjs";

const [columns, rows] = [80, 24];
const castFile = path.join(root, "docs/demo.cast");

function record() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-recording-"));
  try {
    const [output, timing] = ["output", "timing"].map((name) => path.join(folder, name));
    const options = ["--quiet", "--return", "--log-out", output, "--log-timing", timing];
    const command = `stty cols ${columns} rows ${rows}; exec npm run --silent demo`;
    const env = { ...process.env, COLUMNS: `${columns}`, LINES: `${rows}`, TERM: "xterm-256color" };
    const { status } = spawnSync("script", [...options, "--command", command], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env,
    });
    if (status !== 0) throw new Error(`the demo ended with ${status}; nothing was written`);
    const header = {
      width: columns,
      height: rows,
      timestamp: Math.floor(Date.now() / 1000),
      title: "npm run demo: four functions into a running guest, another set, and everything back",
      env: { TERM: env.TERM },
    };
    fs.writeFileSync(castFile, castOf(fs.readFileSync(output), fs.readFileSync(timing, "utf8"), header));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

// What is to be shown is the demo, not how its machine was set up.
if (!process.argv.includes("--svg")) {
  execFileSync(process.execPath, ["tools/setup/main.mjs"], { cwd: root, stdio: "inherit" });
  record();
}
fs.writeFileSync(path.join(root, "docs/demo.svg"), svgOf(fs.readFileSync(castFile, "utf8")));
