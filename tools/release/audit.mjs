/**
 * `npm run audit`: known vulnerabilities in what ships, by the registry's audit. What ships is more than
 * `npm audit --omit=dev` looks at: the packages that are bundled into dist/ are development dependencies.
 *
 * Exit code 0: none known; 1: some, each on a line; 2: the registry did not answer, so nothing is known.
 */
import { spawnSync } from "node:child_process";
import { build } from "esbuild";
import { root } from "../setup/root.mjs";

/**
 * Folders of the packages of which something gets into the provider's bundle (tools/release/build.mjs), as in
 * the lockfile.
 */
async function bundledPackages() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["provider/dynamic/index.ts"],
    bundle: true,
    platform: "node",
    loader: { ".sh": "text" },
    external: ["@pulumi/pulumi", "ssh2"],
    write: false,
    metafile: true,
  });
  const folders = Object.keys(metafile.inputs).map(
    (file) => /node_modules\/(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(file)?.[0],
  );
  return new Set(folders.filter((folder) => folder !== undefined));
}

/** The findings of npm's own report (auditReportVersion 2); ends where there is none. */
function findings(...options) {
  const { stdout } = spawnSync("npm", ["audit", "--json", ...options], { cwd: root, encoding: "utf8" });
  const report = JSON.parse(stdout || "{}");
  if (report.vulnerabilities !== undefined) return Object.values(report.vulnerabilities);
  console.error(`the registry does not answer audits: ${report.message ?? "npm audit printed no report"}`);
  process.exit(2);
}

const bundled = await bundledPackages();
const shipped = [
  ...findings("--omit=dev", "--omit=peer"),
  ...findings().filter(({ nodes }) => nodes.some((node) => bundled.has(node))),
];
const byName = new Map(shipped.map((one) => [one.name, one]));
for (const { name, severity, range } of byName.values()) console.log(`${severity}: ${name} ${range}`);
console.log(`${byName.size} known vulnerabilities in what ships, ${bundled.size} bundled packages included`);
process.exitCode = byName.size === 0 ? 0 : 1;
