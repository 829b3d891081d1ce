import { spawn } from "node:child_process";
import path from "node:path";
import { root } from "./root.mjs";

/** The lab's image and saved state, in the cache. The lab is TypeScript and knows itself what is missing. */
export const lab = {
  name: "lab",
  isReady: () => false,
  obstacle: () => undefined,

  async make() {
    const tsx = path.join(root, "node_modules/tsx/dist/cli.mjs");
    const child = spawn(process.execPath, [tsx, "lab/cli.ts", "build"], { cwd: root, stdio: "inherit" });
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (code !== 0) throw new Error("The lab could not be made ready, for the reason above");
  },
};
