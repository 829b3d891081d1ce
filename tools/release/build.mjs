/**
 * `npm run build`: dist/ from sources.
 *
 * Three bundles (docs/internals/pulumi.md): what programs import, the provider that the shim asks for, and
 * the command line, which asks that one too. Everything but Pulumi's SDK, which program and provider must
 * share, and ssh2, which has optional native parts, goes into them. The declarations are of the public
 * surface only.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild";
import { bundledLicences } from "./bundled-licences.mjs";
import { root } from "../setup/root.mjs";

const dist = path.join(root, "dist");
/** Built here and then moved, so that a program that runs meanwhile finds the old dist/ or the new one. */
const staging = path.join(root, "node_modules", ".cache", `build-${process.pid}`);

/** Upper bounds in bytes: growth beyond them is looked at, not slipped in. */
const bundles = [
  { entry: "sdk/nodejs/index.ts", outfile: "sdk/index.js", mostBytes: 16 * 1024 },
  { entry: "provider/dynamic/index.ts", outfile: "provider.js", mostBytes: 1280 * 1024 },
  { entry: "cli/index.ts", outfile: "cli/index.js", mostBytes: 32 * 1024 },
];

/** zod carries its messages in every language, a third of the bundle; the catalogue's are English. */
const englishOnly = {
  name: "english-only",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.(js|cjs)$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

/** Scripts of bash as text. Their comments are for this repository: what is sent to a host has none. */
const scripts = {
  name: "scripts",
  setup({ onLoad }) {
    onLoad({ filter: /\.sh$/ }, ({ path: file }) => ({
      contents: fs.readFileSync(file, "utf8").replace(/^ *#.*$/gm, ""),
      loader: "text",
    }));
  },
};

fs.mkdirSync(staging, { recursive: true });
// after a failure there is one
process.once("exit", () => fs.rmSync(staging, { recursive: true, force: true }));
const inputs = [];
for (const { entry, outfile, mostBytes } of bundles) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: path.join(staging, outfile),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Not minified: a stack trace is readable, and the shim's text stays as it is written.
    minify: false,
    metafile: true,
    legalComments: "inline",
    plugins: [englishOnly, scripts],
    external: ["@pulumi/pulumi", "ssh2", "pulumi-multifunction-pci/*"],
  });
  inputs.push(...Object.keys(metafile.inputs));
  const { size } = fs.statSync(path.join(staging, outfile));
  if (size > mostBytes) {
    throw new Error(
      `dist/${outfile} has ${size} bytes, more than the ${mostBytes} that tools/release/build.mjs allows`,
    );
  }
  console.log(`dist/${outfile}: ${(size / 1024).toFixed(1)} KiB`);
}

fs.chmodSync(path.join(staging, "cli/index.js"), 0o755);
fs.writeFileSync(path.join(staging, "LICENCES-OF-BUNDLED.txt"), bundledLicences(root, inputs));

const tsc = spawnSync(
  process.execPath,
  [
    path.join(root, "node_modules/typescript/bin/tsc"),
    "-p",
    "tsconfig.build.json",
    "--outDir",
    path.join(staging, "sdk"),
  ],
  { cwd: root, stdio: "inherit" },
);
if (tsc.status !== 0) throw new Error("tsc could not write the declarations of sdk/nodejs/");

// The provider's own types would drag its libraries' into every program. The shim needs no more than this.
fs.writeFileSync(
  path.join(staging, "provider.d.ts"),
  [
    'import type { ResourceProvider } from "@pulumi/pulumi/dynamic";',
    "/** What every stored resource asks for, by the text of the shim; not for programs. */",
    "export declare const provider: Required<ResourceProvider>;",
    "",
  ].join("\n"),
);

// What an account with sudo runs on a host without libvirt (docs/security.md): the text that the provider
// itself sends, with the list of what that account may do.
const program = path.join(staging, "host-program.cjs");
await build({
  absWorkingDir: root,
  entryPoints: ["provider/hypervisor/plain-qemu/program/host-program.ts"],
  outfile: program,
  bundle: true,
  platform: "node",
  format: "cjs",
  plugins: [scripts],
});
const { installedHostProgram } = createRequire(import.meta.url)(program);
fs.writeFileSync(path.join(staging, "multifunction-pci-host"), installedHostProgram(), { mode: 0o755 });
fs.rmSync(program);

const old = `${staging}-old`;
if (fs.existsSync(dist)) fs.renameSync(dist, old);
fs.renameSync(staging, dist);
fs.rmSync(old, { recursive: true, force: true });
