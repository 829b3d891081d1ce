import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import { Server } from "ssh2";
import {
  expectSuccess,
  packTarball,
  PulumiProject,
  repository,
  startCommand,
} from "../support/pulumi/pulumi-project";

/**
 * Where the shim's `require("pulumi-multifunction-pci/provider")` finds the package. No hypervisor is needed:
 * that the installed provider ran is seen from its own error about an SSH server with another host key, which
 * is final at once.
 */
const timeoutMs = 180_000;

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const wrongHostKey = `SHA256:${"A".repeat(43)}`;
const providerRan = "[SSH_HOST_KEY_MISMATCH]";

let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-resolution-"));
  server = new Server({ hostKeys: [privateKey] }, (client) => client.on("error", () => client.end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as net.AddressInfo);
});

afterAll(() => {
  server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/**
 * Previews and applies the quickstart in this folder; the apply must fail in the provider, for the right
 * reason.
 */
async function expectProviderRuns(projectFolder: string) {
  await using project = await PulumiProject.create({ folder: projectFolder });
  await project.setConfig({
    host: "127.0.0.1",
    port: String(port),
    hostKey: wrongHostKey,
    domain: "guest1",
    device: "0000:01:00",
    functions: "[0,1]",
  });
  await project.setSecret({ sshKey: privateKey });

  const preview = expectSuccess(await project.preview());
  expect(preview.stdout).toMatch(/\+ +pulumi-nodejs:dynamic\/pci:MultifunctionPciAttachment nic create/);

  const up = await project.up();
  expect(up.code).not.toBe(0);
  expect(up.stdout).toContain(providerRan);
  expect(up.stdout).toContain(`127.0.0.1:${port}`);
  project.expectNoPlainText(privateKey);
}

test.each([
  ["at the top of the repository", "."],
  ["in the quickstart's own folder", "examples/quickstart"],
])(
  "`pulumi up` %s finds the provider after a plain npm ci",
  async (_, projectFolder) => {
    await expectProviderRuns(projectFolder);
    expect(fs.readdirSync(path.join(repository, projectFolder))).not.toContain("Pulumi.test.yaml");
  },
  timeoutMs,
);

describe("in an empty project with the packed tarball installed", () => {
  let project: string;

  beforeAll(() => {
    project = path.join(folder, "empty project");
    fs.mkdirSync(project);
    const tarball = packTarball(folder);
    for (const file of ["index.ts", "package.json", "Pulumi.yaml", "tsconfig.json"]) {
      fs.copyFileSync(path.join(repository, "examples/quickstart", file), path.join(project, file));
    }
    npm("pkg", "set", `dependencies.pulumi-multifunction-pci=file:${tarball}`);
    // Scripts would compile optional native parts of ssh2, which works without them.
    npm("install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline");
  }, timeoutMs);

  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: project, encoding: "utf8" });

  function npm(...args: string[]) {
    const { status, stdout, stderr } = run("npm", ...args);
    if (status !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${stdout}${stderr}`);
  }

  test("the package is there as a copy, without the libraries that are bundled", () => {
    const installed = fs.readdirSync(path.join(project, "node_modules"));
    expect(installed).toEqual(expect.arrayContaining(["pulumi-multifunction-pci", "ssh2"]));
    expect(installed).not.toEqual(expect.arrayContaining(["fast-xml-parser"]));
    expect(fs.lstatSync(path.join(project, "node_modules/pulumi-multifunction-pci")).isDirectory()).toBe(
      true,
    );
  });

  test("the quickstart compiles against the published typings, libraries checked too", () => {
    const tsc = run(path.join(project, "node_modules/.bin/tsc"), "--noEmit", "-p", ".");
    expect(tsc.stdout).toBe("");
    const typings = path.join(project, "node_modules/pulumi-multifunction-pci/dist");
    const files = fs
      .readdirSync(typings, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".d.ts"))
      .map((name) => fs.readFileSync(path.join(typings, name), "utf8"));
    expect(files.join("")).not.toMatch(/from "(ssh2|zod|fast-xml-parser)/);
  }, 60_000);

  test("both entry points load by require and by import", () => {
    const script = `
      const { MultifunctionPciAttachment } = require("pulumi-multifunction-pci");
      const { provider } = require("pulumi-multifunction-pci/provider");
      import("pulumi-multifunction-pci").then((module) => {
        const same = module.MultifunctionPciAttachment === MultifunctionPciAttachment;
        console.log(JSON.stringify([same, typeof MultifunctionPciAttachment, typeof provider.create]));
        process.exit();
      });`;
    expect(run(process.execPath, "-e", script).stdout.trim()).toBe('[true,"function","function"]');
  });

  test("`pulumi up` runs the installed provider", () => expectProviderRuns(project), timeoutMs);
});

describe("in an inline program of the Automation API", () => {
  /** A script that runs an inline program, and prints what `up` says. */
  const script = (workDir: string | undefined) => `
    const installed = require("node:module").createRequire(${JSON.stringify(path.join(repository, "package.json"))});
    const { automation } = installed("@pulumi/pulumi");
    const { MultifunctionPciAttachment } = installed("pulumi-multifunction-pci");
    const program = async () => {
      new MultifunctionPciAttachment("nic", {
        connection: { host: "127.0.0.1", port: ${port}, hostKey: ${JSON.stringify(wrongHostKey)}, password: "pw" },
        guest: { domain: "guest1" },
        device: "0000:01:00",
      });
    };
    const options = { workDir: ${JSON.stringify(workDir)} };
    automation.LocalWorkspace.createStack({ stackName: "inline", projectName: "inline", program }, options)
      .then((stack) => stack.up({ onOutput: (text) => process.stdout.write(text), color: "never" }))
      .catch((error) => console.log(String(error)))
      .finally(() => process.exit());`;

  async function runInline(cwd: string, workDir?: string): Promise<string> {
    // Only for its backend, home and PATH.
    await using project = await PulumiProject.create({ source: "" });
    const { PULUMI_STACK: _, ...env } = project.environment();
    const { stdout, stderr } = await startCommand(process.execPath, ["-e", script(workDir)], { cwd, env })
      .finished;
    return stdout + stderr;
  }

  test(
    "the package resolves from the working directory of the process, work dir or not",
    async () => {
      expect(await runInline(repository)).toContain(providerRan);
      const workDir = fs.mkdtempSync(path.join(folder, "work-dir-"));
      expect(await runInline(repository, workDir)).toContain(providerRan);
    },
    timeoutMs,
  );

  test(
    "a work dir with a project file of its own resolves the package instead",
    async () => {
      const workDir = fs.mkdtempSync(path.join(folder, "work-dir-"));
      fs.writeFileSync(path.join(workDir, "Pulumi.yaml"), "name: inline\nruntime: nodejs\n");
      fs.symlinkSync(path.join(repository, "node_modules"), path.join(workDir, "node_modules"));
      expect(await runInline(folder, workDir)).toContain(providerRan);
    },
    timeoutMs,
  );

  test(
    "elsewhere the failure names what does not resolve",
    async () => {
      const output = await runInline(folder);
      expect(output).toMatch(/Cannot find module '@pulumi\/pulumi\/cmd\/dynamic-provider'/);
      expect(output).not.toContain(providerRan);
    },
    timeoutMs,
  );
});
