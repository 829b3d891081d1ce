import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, repository } from "../support/packed";

const nodeVersions = ["20", "22", "24"] as const;
const typeScriptVersions = ["5", "6"] as const;

const root = mkdtempSync(join(tmpdir(), "multifunction-pci-use-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
};
const versionOf = (name: string): string => lock.packages[`node_modules/${name}`]!.version;
const golden = readFileSync(join(repository, "test/unit/sdk/shim.golden.txt"), "utf8");

/**
 * A program that uses both entry points; `load` binds `pulumi`, `MultifunctionPciAttachment` and `provider`.
 */
const program = (load: string): string => `
  ${load}
  const inputs = { connection: { host: "hv1" }, guest: { domain: "guest1" }, device: "nonsense", ownerToken: "o" };
  const mocks = {
    newResource: (args) => ({ id: "id", state: { ...args.inputs, text: args.inputs.__provider } }),
    call: (args) => args.inputs,
  };
  void (async () => {
    await pulumi.runtime.setMocks(mocks, "project", "stack");
    const nic = new MultifunctionPciAttachment("nic", { connection: { host: "hv1" }, guest: { domain: "guest1" } });
    const token = await new Promise((done) => nic.ownerToken.apply(done));
    const text = await new Promise((done) => pulumi.output(nic.text ?? nic.__provider).apply(done));
    const { failures } = await provider.check({}, inputs);
    console.log(JSON.stringify({ node: process.versions.node, token, text, failures }));
    process.exit();
  })();
`;

const programs = {
  "commonjs.cjs": program(`
    const pulumi = require("@pulumi/pulumi");
    const { MultifunctionPciAttachment } = require("pulumi-multifunction-pci");
    const { provider } = require("pulumi-multifunction-pci/provider");`),
  "module.mjs": program(`
    import * as pulumi from "@pulumi/pulumi";
    import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";
    import { provider } from "pulumi-multifunction-pci/provider";`),
} as const;

/** What every program is compiled with. */
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: "ES2022",
  types: ["node"],
};

/**
 * Ways in which programs are compiled. The libraries' typings are checked too in one of them, as it takes
 * long.
 */
const compilations = {
  "an ES module, with the libraries' typings": { module: "Node16", type: "module" },
  "CommonJS, resolved as Node does": { module: "Node16", type: "commonjs", skipLibCheck: true },
  "an ES module for a bundler": {
    module: "ESNext",
    moduleResolution: "Bundler",
    type: "module",
    skipLibCheck: true,
  },
  "CommonJS, as Pulumi's template has it": {
    module: "CommonJS",
    moduleResolution: "Node10",
    type: "commonjs",
    skipLibCheck: true,
  },
} as const;

beforeAll(() => {
  const { filename } = pack(root);
  const platform = `${process.platform}-${process.arch}`;
  const dependencies = {
    "pulumi-multifunction-pci": `file:${filename}`,
    "@pulumi/pulumi": versionOf("@pulumi/pulumi"),
    "@types/node": versionOf("@types/node"),
    ...Object.fromEntries(
      typeScriptVersions.map((major) => [`typescript-${major}`, `npm:typescript@${major}`]),
    ),
    ...Object.fromEntries(nodeVersions.map((major) => [`node-${major}`, `npm:node-${platform}@${major}`])),
  };
  writeFileSync(join(root, "package.json"), JSON.stringify({ name: "empty", private: true, dependencies }));
  // Scripts would compile optional native parts of ssh2, which works without them.
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  execFileSync("npm", ["install", ...options], { cwd: root, stdio: "pipe" });
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(root, name), text);
}, 300_000);

const node = (major: string): string => join(root, "node_modules", `node-${major}`, "bin/node");

describe.each(nodeVersions)("on Node %s", (major) => {
  test.each(Object.keys(programs))(
    "%s declares a resource, stores the promised text, and reaches the provider",
    (name) => {
      const { stdout, stderr, status } = spawnSync(node(major), [name], { cwd: root, encoding: "utf8" });
      expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
      const printed = JSON.parse(stdout) as {
        node: string;
        token: string;
        text: string;
        failures: unknown[];
      };
      expect(printed.node.split(".")[0]).toBe(major);
      expect(printed.token).toBe("organization/project/stack/nic");
      expect(printed.text).toBe(golden);
      expect(printed.failures).toEqual([expect.objectContaining({ property: "device" })]);
    },
  );
});

describe.each(typeScriptVersions)("with TypeScript %s", (major) => {
  const program = readFileSync(join(repository, "examples/quickstart/index.ts"), "utf8");

  test.each(Object.entries(compilations))(
    "the quickstart compiles as %s, and not with a misspelt argument",
    (_, way) => {
      const { type, ...options } = way;
      const folder = mkdtempSync(join(root, "program-"));
      writeFileSync(join(folder, "index.ts"), program);
      writeFileSync(join(folder, "misspelt.ts"), program.replace("device:", "devise:"));
      writeFileSync(join(folder, "package.json"), JSON.stringify({ type }));
      // TypeScript 6 takes what it gives up only where one says so.
      const old = major === "6" && "moduleResolution" in options && options.moduleResolution === "Node10";
      const compilerOptions = { ...strict, ...options, ...(old && { ignoreDeprecations: "6.0" }) };
      const config = { compilerOptions, files: ["index.ts", "misspelt.ts"] };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));

      const tsc = join(root, "node_modules", `typescript-${major}`, "bin/tsc");
      const args = [tsc, "-p", folder, "--pretty", "false"];
      const { stdout } = spawnSync(node("20"), args, { cwd: folder, encoding: "utf8" });
      const [first, ...others] = stdout.trim().split(/\n(?! )/);
      expect(first).toMatch(
        /^misspelt\.ts.*'devise' does not exist in type 'MultifunctionPciAttachmentArgs'/,
      );
      expect(others).toEqual([]);
    },
  );
});
