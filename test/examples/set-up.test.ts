import fs from "node:fs";
import path from "node:path";
import { expectSuccess, PulumiProject, repository, startCommand } from "../support/pulumi/pulumi-project";
import { Workspace } from "../support/sshd";

const workspace = new Workspace();
afterAll(() => workspace.remove());

/**
 * Lines of an example's README that make its stacks and fill their configuration, with the loop that they
 * stand in.
 */
function setUpLines(example: string): string {
  const text = fs.readFileSync(path.join(repository, "examples", example, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = ""]) => block);
  const isSetUp = (line: string): boolean =>
    /^\s*(?:pulumi (?:stack init|config set)|"\$\(ssh-keyscan|for stack in|done$|export )/.test(line);
  // what comes after the set-up is run where there is a host
  const setUp = blocks.filter((block) => /pulumi stack init/.test(block));
  return setUp.flatMap((block) => block.split("\n").filter(isSetUp)).join("\n");
}

/**
 * The README's lines, run as they stand in a copy of the example, by a user who has the keys that they name.
 */
test.each([
  ["gpu", "Pulumi.dev.yaml", ["host", "hostKey", "guest", "device"]],
  ["partial", "Pulumi.dev.yaml", ["host", "hostKey", "domain", "device", "functions"]],
  ["virtual-functions", "Pulumi.dev.yaml", ["host", "hostKey", "guest", "virtualFunctions"]],
  ["promotion", "Pulumi.prod.yaml", ["connection", "domain", "device", "functions"]],
] as const)("%s is set up as its README says", async (example, file, keys) => {
  await using project = await PulumiProject.create({ source: "" });
  const home = path.join(workspace.path, example);
  fs.mkdirSync(path.join(home, ".ssh"), { recursive: true });
  for (const name of ["id_ed25519", "new_ed25519", "hv-dev", "hv-staging", "hv-prod"])
    fs.writeFileSync(path.join(home, ".ssh", name), "a private key\n");
  const cwd = path.join(home, "program");
  fs.cpSync(path.join(repository, "examples", example), cwd, { recursive: true });
  const env: NodeJS.ProcessEnv = { ...project.environment(), HOME: home };
  delete env["PULUMI_STACK"];
  expectSuccess(await startCommand("bash", ["-ec", setUpLines(example)], { cwd, env }).finished);
  const written = fs.readFileSync(path.join(cwd, file), "utf8");
  for (const key of keys) expect(written).toMatch(new RegExp(`^  [\\w-]+:${key}:`, "m"));
  expect(written).toMatch(/multifunction-pci:privateKey:\n {4}secure:/);
  expect(written).not.toContain("a private key");
});
