import { execFile, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const ensure = path.resolve(__dirname, "../../../tools/pulumi-cli/ensure.mjs");
const programs = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"] as const;

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-ensure-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A folder with programs of these names. */
function installed(name: string, ...names: readonly string[]): string {
  const bin = path.join(folder, name);
  fs.mkdirSync(bin);
  for (const program of names) fs.writeFileSync(path.join(bin, program), "#!/bin/sh\n", { mode: 0o755 });
  return bin;
}

/** Runs it with this PATH and a cache of its own; what it found is its only line on stdout. */
function run(...searchPath: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ensure], {
    encoding: "utf8",
    env: { PATH: searchPath.join(path.delimiter), MULTIFUNCTION_PCI_CACHE: path.join(folder, "cache") },
  });
  return { status, binDir: stdout.trim(), stderr };
}

test("an installed CLI with its companions on PATH is used, and nothing is built", () => {
  const cli = installed("cli", "pulumi");
  const companions = installed("companions", ...programs.slice(1));
  expect(run(cli, companions)).toEqual({ status: 0, binDir: cli, stderr: "" });
  expect(fs.existsSync(path.join(folder, "cache"))).toBe(false);
});

test("companions beside the real file of a linked CLI are found", () => {
  const real = installed("real", ...programs);
  const links = installed("links");
  fs.symlinkSync(path.join(real, "pulumi"), path.join(links, "pulumi"));
  expect(run(links)).toEqual({ status: 0, binDir: links, stderr: "" });
});

test("a missing launcher alone goes into the cache, to stand before the CLI", () => {
  const cli = installed("cli", "pulumi", "pulumi-language-nodejs");
  const { status, binDir } = run(cli);
  expect(status).toBe(0);
  expect(binDir.startsWith(path.join(folder, "cache"))).toBe(true);
  expect(fs.readdirSync(binDir)).toEqual(["pulumi-resource-pulumi-nodejs"]);
  expect(fs.statSync(path.join(binDir, "pulumi-resource-pulumi-nodejs")).mode & 0o111).toBe(0o111);
  expect(run(cli).binDir).toBe(binDir);
});

test("two that run at once end with the same folder, and leave no lock", async () => {
  const cli = installed("cli", "pulumi", "pulumi-language-nodejs");
  const env = { PATH: cli, MULTIFUNCTION_PCI_CACHE: path.join(folder, "cache") };
  const binDirs = await Promise.all(
    [1, 2, 3].map(async () => (await promisify(execFile)(process.execPath, [ensure], { env })).stdout.trim()),
  );
  expect(new Set(binDirs).size).toBe(1);
  const left = fs.readdirSync(path.join(folder, "cache/pulumi-cli"));
  expect(left.filter((name) => /lock|building/.test(name))).toEqual([]);
});

test("the lock of a process that is gone does not stop the next one", () => {
  const cli = installed("cli", "pulumi", "pulumi-language-nodejs");
  const { binDir } = run(cli);
  fs.rmSync(binDir, { recursive: true });
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  fs.writeFileSync(`${binDir}.lock`, String(gone));
  expect(run(cli)).toMatchObject({ status: 0, binDir });
});

test("the modules that it builds are pinned by checksums", () => {
  for (const module of ["cli", "nodejs-host"]) {
    const text = fs.readFileSync(path.join(path.dirname(ensure), module, "go.sum"), "utf8");
    expect(text).toMatch(/^github\.com\/pulumi\/pulumi\/(pkg|sdk)\/v3 v\S+ h1:/m);
  }
});
