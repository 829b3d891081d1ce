/**
 * `npm run docs`: writes what is made from the sources. These are docs/reference.md (tables of the arguments,
 * and TypeDoc), etc/api.md (the public surface on one page, so that a change of it shows in review) and
 * docs/drawings. `-- --check`, in `npm run check`, compares instead.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import ts from "typescript";
import { argumentTables } from "./argument-tables.mjs";
import { drawn } from "./drawings.mjs";
import { root } from "../setup/root.mjs";

const read = (file) => fs.readFileSync(path.join(root, file), "utf8");
const command = "npm run docs";

/**
 * The reference. TypeDoc fails on what is exported without a comment, and on a link that leads nowhere
 * (typedoc.json).
 */
function writeReference() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-reference-"));
  try {
    const typedoc = path.join(root, "node_modules/typedoc/bin/typedoc");
    const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, "--out", folder], {
      cwd: root,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`TypeDoc found fault:\n${stdout}${stderr}`);
    const [title, ...rest] = fs.readFileSync(path.join(folder, "README.md"), "utf8").trim().split("\n");
    const note = [
      `Written by \`${command}\`: arguments and outputs from the schema in \`provider/resource/\`, by which the`,
      "provider judges them, and the rest from the comments in `sdk/`.",
    ];
    return [title, "", ...note, "", argumentTables(), ...rest, ""].join("\n");
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The declarations of sdk/nodejs/index.ts and of what it leads to, without comments. */
function declarations() {
  const { config } = ts.readConfigFile(path.join(root, "tsconfig.build.json"), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const emitted = new Map();
  const host = ts.createCompilerHost(options);
  host.writeFile = (file, text) => emitted.set(path.basename(file, ".d.ts"), text.trim());
  ts.createProgram(fileNames, { ...options, removeComments: true }, host).emit();
  const reached = new Set(["index"]);
  for (const name of reached)
    for (const [, next] of emitted.get(name).matchAll(/from "\.\/([\w-]+)"/g)) reached.add(next);
  return [...reached].map((name) => `// sdk/${name}\n${emitted.get(name)}`).join("\n\n");
}

/** Names that match in the sources of the folders, each once. */
function namesIn(folders, pattern) {
  const files = folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => read(path.join(folder, name))),
  );
  return [...new Set(files.flatMap((text) => [...text.matchAll(pattern)].map(([name]) => name)))].sort();
}

function writeApi() {
  const { exports, bin, engines, peerDependencies } = JSON.parse(read("package.json"));
  const shim = createHash("sha256").update(read("test/unit/sdk/shim.golden.txt")).digest("hex");
  const chapters = ["reaching", "refusals", "carrying-out"];
  const catalogue = chapters.map((name) => read(`provider/errors/catalogue/${name}.ts`)).join("\n");
  const codes = [...catalogue.matchAll(/^ {2}([A-Z]+(?:_[A-Z]+)+):/gm)];
  const credentials = read("provider/connections/credentials.ts");
  const [, namespace] = /NAMESPACE = "(.*)"/.exec(credentials);
  const keys = [...credentials.matchAll(/^ {2}(\w+): "MULTIFUNCTION_PCI_/gm)].map(([, key]) => key);
  const list = (names) => names.map((name) => `- \`${name}\``).join("\n");
  return `# The public surface

Written by \`${command}\`. What each part promises is in [docs/versioning.md](../docs/versioning.md).

## Package

\`\`\`json
${JSON.stringify({ exports, bin, engines, peerDependencies }, undefined, 2)}
\`\`\`

## Types

\`\`\`ts
${declarations()}
\`\`\`

## Text of the shim

SHA-256 of \`test/unit/sdk/shim.golden.txt\`: \`${shim}\`

## Environment

${list(namesIn(["provider", "sdk"], /MULTIFUNCTION_PCI_[A-Z_]*[A-Z]/g))}

## Configuration of the stack

${list(keys.map((key) => `${namespace}:${key}`))}

## Codes of errors

${list(codes.map(([, code]) => code).sort())}
`;
}

const isCheck = process.argv.includes("--check");
try {
  for (const [file, write] of [
    ["docs/reference.md", writeReference],
    ["etc/api.md", writeApi],
    ...Object.entries(drawn).map(([name, svg]) => [`docs/drawings/${name}.svg`, () => svg]),
  ]) {
    const text = write();
    const target = path.join(root, file);
    if (!isCheck) {
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, text);
    } else if (!fs.existsSync(target) || fs.readFileSync(target, "utf8") !== text) {
      console.error(`${file} is not what the sources make of it. Renew it with: ${command}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
