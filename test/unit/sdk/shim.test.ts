import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { runtime } from "@pulumi/pulumi";
import { buildSync } from "esbuild";
import { shim } from "../../../sdk/nodejs/shim";

const repository = path.resolve(__dirname, "../../..");

/**
 * What this release writes to states (recorded from @pulumi/pulumi 3.248.0, which adds the wrapping). If this
 * test fails after an update of Pulumi's SDK, only the wrapping may have changed: the seven calls are a
 * permanent contract (see sdk/nodejs/shim.ts).
 */
const golden = fs.readFileSync(path.join(__dirname, "shim.golden.txt"), "utf8");

const serialize = async (provider: unknown) =>
  (await runtime.serializeFunction(() => provider, { allowSecrets: true })).text;

/** A program that prints the text that its resource would store. */
const program = `
  const pulumi = require("@pulumi/pulumi");
  const { MultifunctionPciAttachment } = require("pulumi-multifunction-pci");
  const mocks = {
    newResource(args) {
      process.stdout.write(args.inputs.__provider);
      return { id: "id", state: args.inputs };
    },
    call: (args) => args.inputs,
  };
  pulumi.runtime.setMocks(mocks).then(() => {
    new MultifunctionPciAttachment("nic", { connection: { host: "hv1" }, guest: { domain: "guest1" } });
  });
`;

/** Installs a bundle of sdk/ into a new folder and runs the program there. */
function textFrom(...folder: string[]): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-shim-"));
  try {
    const modules = path.join(root, ...folder, "node_modules");
    fs.mkdirSync(path.join(modules, "pulumi-multifunction-pci"), { recursive: true });
    fs.symlinkSync(path.join(repository, "node_modules/@pulumi"), path.join(modules, "@pulumi"));
    buildSync({
      entryPoints: [path.join(repository, "sdk/nodejs/index.ts")],
      outfile: path.join(modules, "pulumi-multifunction-pci/index.js"),
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      external: ["@pulumi/pulumi", "pulumi-multifunction-pci/provider"],
    });
    return execFileSync(process.execPath, ["-e", program], {
      cwd: path.join(root, ...folder),
      encoding: "utf8",
    });
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

test("the stored provider text is the one that this package promised for ever", async () => {
  expect(await serialize(shim)).toBe(golden);
});

test("the stored provider text is the same from two folders, after bundling", () => {
  const here = textFrom("a");
  expect(here).toBe(golden);
  expect(textFrom("somewhere else", "and deeper")).toBe(here);
});

test("the stored provider text captures nothing and names no path", () => {
  expect(golden).not.toMatch(/(__filename|__dirname|node_modules|file:|\/home\/|\/tmp\/)/);
  // What a function captures is handed to it by `with`; the methods get nothing, the outermost one the object
  // itself.
  const captured = [...golden.matchAll(/with\(\{ (.*?)this: undefined, arguments: undefined \}\)/g)].map(
    ([, c]) => c,
  );
  expect(captured).toEqual(["", "", "", "", "", "", "", "provider: __provider, "]);
  expect(golden.match(/^var /gm)).toHaveLength(1);
});

test("each method of the stored provider calls the same method of the installed package", () => {
  const called: unknown[][] = [];
  const provider = new Proxy(
    {},
    {
      get:
        (_, method) =>
        (...args: unknown[]) =>
          called.push([method, ...args]),
    },
  );
  const module = { exports: {} as { handler: () => Record<string, (...args: unknown[]) => unknown> } };
  const requireOnlyTheProvider = (name: string) => {
    if (name !== "pulumi-multifunction-pci/provider") throw new Error(`unexpected require of ${name}`);
    return { provider };
  };
  // The text is a CommonJS module, as Pulumi's dynamic provider process loads it; `with` needs sloppy mode.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function("exports", "require", "module", golden)(module.exports, requireOnlyTheProvider, module);

  const stored = module.exports.handler();
  const calls = {
    check: ["olds", "news"],
    diff: ["id", "olds", "news"],
    create: ["inputs"],
    read: ["id", "props"],
    update: ["id", "olds", "news"],
    delete: ["id", "props"],
    configure: ["request"],
  };
  for (const [method, args] of Object.entries(calls)) stored[method]?.(...args);

  expect(Object.keys(stored).sort()).toEqual(Object.keys(calls).sort());
  expect(called).toEqual(Object.entries(calls).map(([method, args]) => [method, ...args]));
});
