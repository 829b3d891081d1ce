import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { connectLab, type Lab } from "../../lab";
import { pack } from "../support/packed";
import { expectSuccess, PulumiProject, repository } from "../support/pulumi/pulumi-project";

const NIC = "0000:01:00";
const quickstart = path.join(repository, "examples/quickstart");
const [first = "", second = ""] = [
  ...fs.readFileSync(path.join(quickstart, "README.md"), "utf8").matchAll(/^```sh\n(.*?)^```/gms),
].map(([, block]) => block);

let lab: Lab;
let project: PulumiProject;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-quickstart-"));
const program = path.join(folder, "quickstart");

beforeAll(async () => {
  lab = await connectLab();
  await lab.restore();
  project = await PulumiProject.create({ source: "" }); // for its backend, home and PATH alone
  fs.cpSync(quickstart, program, { recursive: true });
  execFileSync(
    "npm",
    ["pkg", "set", `dependencies.pulumi-multifunction-pci=file:../${pack(folder).filename}`],
    {
      cwd: program,
    },
  );
  fs.mkdirSync(path.join(folder, ".ssh"));
  fs.writeFileSync(path.join(folder, ".ssh/id_ed25519"), lab.ssh.privateKey, { mode: 0o600 });
});
afterAll(async () => {
  await project[Symbol.asyncDispose]();
  await lab.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Runs lines of the document in bash, as they are, but for the name and port of the host. */
function run(lines: string): string {
  const { host, port } = lab.ssh;
  const here = lines.replaceAll("hv1", host).replace("ssh-keyscan", `ssh-keyscan -p ${port}`);
  const { PULUMI_STACK: _, ...env } = project.environment();
  const cache = process.env["npm_config_cache"] ?? path.join(os.homedir(), ".npm");
  return execFileSync("bash", ["-euo", "pipefail", "-c", here], {
    cwd: program,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"], // what it says of itself is in the error, if it fails
    env: {
      ...env,
      HOME: folder,
      npm_config_cache: cache,
      npm_config_ignore_scripts: "true", // they would compile optional native parts of ssh2
      PULUMI_SKIP_CONFIRMATIONS: "true", // nobody is there to say yes
    },
  });
}

const guestFunctions = async () =>
  (await lab.guestPciFunctions("guest1")).filter((address) => address.startsWith("0000:08:"));

test("the quickstart does what its README says, line by line", async () => {
  const [last = "", ...before] = first.trim().split("\n").reverse();
  expect(last).toBe("pulumi up");
  run([...before.reverse(), `pulumi config set port ${lab.ssh.port}`].join("\n"));
  expect(run(last)).toContain("created");
  expect(await guestFunctions()).toEqual([0, 1, 2, 3].map((n) => `0000:08:00.${n}`));

  expect(run(second)).toContain("plan:");
  expect(await guestFunctions()).toEqual(["0000:08:00.0", "0000:08:00.2"]);

  expect(run("pulumi destroy")).toContain("deleted");
  expect(await guestFunctions()).toEqual([]);
  const drivers = Object.entries(await lab.hostDrivers()).filter(([address]) => address.startsWith(NIC));
  expect(drivers.map(([, driver]) => driver)).toEqual(["e1000e", "e1000e", "e1000e", "e1000e"]);
}, 600_000);

test("`pulumi state delete` forgets a resource whose host is gone, as errors.md says", async () => {
  await using forgotten = await PulumiProject.create({
    source: `import * as pulumi from "@pulumi/pulumi";
      const provider = { create: async () => ({ id: "id", outs: {} }) };
      class Probe extends pulumi.dynamic.Resource {}
      new Probe(provider, "probe", {});`,
  });
  expectSuccess(await forgotten.up());
  const { resources = [] } = await forgotten.stackExport();
  const { urn = "" } = resources.find(({ type }) => type.startsWith("pulumi-nodejs:dynamic")) ?? {};
  expectSuccess(await forgotten.start(["state", "delete", urn, "--yes"]).finished); // pulumi state delete URN
  const { resources: left = [] } = await forgotten.stackExport();
  expect(left.map(({ type }) => type)).not.toContain("pulumi-nodejs:dynamic:Resource");
});
