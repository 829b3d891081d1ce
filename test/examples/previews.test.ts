import { PulumiProject } from "../support/pulumi/pulumi-project";
import { previewed, expectRecorded } from "../support/pulumi/recorded";
import type { FakeFunction } from "../support/plain-host";
import { MadeUpHost } from "./support/made-up-host";

/** The examples whose devices the lab does not have; each test is named after its folder in examples/. */
const card: readonly FakeFunction[] = [
  { address: "0000:64:00.0", driver: "pcieport", group: 42, classCode: "0x060400" },
  { address: "0000:65:00.0", driver: "nouveau", group: 42, classCode: "0x030000" },
  { address: "0000:65:00.1", driver: "snd_hda_intel", group: 42, classCode: "0x040300" },
  { address: "0000:65:00.2", driver: "xhci_hcd", group: 42, classCode: "0x0c0330" },
  { address: "0000:65:00.3", driver: "nvidia-gpu", group: 42, classCode: "0x0c8000" },
];
const physicalFunction = "0000:01:00.0";
const network: readonly FakeFunction[] = [
  { address: physicalFunction, driver: "igb", group: 14 },
  ...[0, 2, 4].map((n) => ({
    address: `0000:01:10.${n}`,
    driver: "igbvf",
    group: 60 + n,
    physicalFunction,
  })),
];

let host: MadeUpHost;
beforeAll(async () => {
  host = await MadeUpHost.start([...card, ...network]);
});
afterAll(() => host.close());

async function projectOf(example: string, config: Readonly<Record<string, string>>): Promise<PulumiProject> {
  const env = { SSH_AUTH_SOCK: "", MULTIFUNCTION_PCI_SSH_CONFIG: "none" };
  const project = await PulumiProject.create({ folder: `examples/${example}`, stack: "dev", env });
  await project.setSecret({ "multifunction-pci:privateKey": host.privateKey });
  await project.setConfig({ ...host.config, ...config });
  return project;
}

test("gpu", async () => {
  await using project = await projectOf("gpu", { device: "0000:65:00" });
  expectRecorded("gpu", ["pulumi preview"], await previewed(() => project.preview()));

  await project.setConfig({ functions: "[0, 1]" });
  const chosen = "pulumi config set functions '[0, 1]'";
  expectRecorded("gpu", [chosen, "pulumi preview"], await previewed(() => project.preview()));

  await project.setConfig({ leftovers: "hold" });
  const held = "pulumi config set leftovers hold";
  expectRecorded("gpu", [held, "pulumi preview"], await previewed(() => project.preview()));
});

test("virtual-functions", async () => {
  await using project = await projectOf("virtual-functions", {
    virtualFunctions: '["0000:01:10.0", "0000:01:10.2"]',
  });
  expectRecorded("virtual-functions", ["pulumi preview"], await previewed(() => project.preview()));

  await project.setConfig({ virtualFunctions: JSON.stringify([physicalFunction, "0000:01:10.0"]) });
  expect(await previewed(() => project.preview())).toMatch(
    /would be refused: .*\[PHYSICAL_FUNCTION_NEEDED\]/,
  );
});
