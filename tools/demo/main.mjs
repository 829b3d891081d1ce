/**
 * `npm run demo [-- --without-libvirt] [-- --keep] [-- --record FILE]`: sets up what the demo needs, then
 * runs tools/demo/demo.ts.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { ensureAll } from "../setup/main.mjs";
import { root } from "../setup/root.mjs";

const log = (line) => console.log(line);
try {
  await ensureAll({ log });
  const { ensurePulumiCli } = await import("../pulumi-cli/ensure.mjs");
  const { binDir } = await ensurePulumiCli({ log });
  const tsx = path.join(root, "node_modules/.bin/tsx");
  const child = spawn(tsx, [path.join(root, "tools/demo/demo.ts"), ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PULUMI_FOLDER: binDir },
  });
  // the demo ends its lab itself on Ctrl-C; this process waits for it
  process.on("SIGINT", () => undefined);
  process.exitCode = await new Promise((resolve) => child.once("close", (code) => resolve(code ?? 1)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
