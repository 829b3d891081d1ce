import fs from "node:fs";
import path from "node:path";
import { connectLab, type Lab } from "../../lab";
import { eventually } from "../support/eventually";
import { writeLedgerAsBefore } from "../support/ledger-of-before";
import {
  expectSuccess,
  PulumiProject,
  type CommandResult,
  type StateResource,
} from "../support/pulumi/pulumi-project";

const NIC = "0000:01:00";
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);
const fixture = path.join(__dirname, "../fixtures/states/0.1.0.json");
const resourceType = "pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment";

let lab: Lab;
beforeAll(async () => {
  lab = await connectLab();
});
beforeEach(() => lab.restore());
afterAll(() => lab.close());

async function quickstart(): Promise<PulumiProject> {
  const project = await PulumiProject.create({ folder: "." });
  const { host, port, hostKey, privateKey } = lab.ssh;
  await project.setSecret({ sshKey: privateKey });
  await project.setConfig({ host, port: String(port), hostKey, domain: "guest1", device: NIC });
  return project;
}

async function drivers(): Promise<(string | null)[]> {
  const all = await lab.hostDrivers();
  return [0, 1, 2, 3].map((n) => all[`${NIC}.${n}`] ?? null);
}

async function guestFunctions(): Promise<string[]> {
  const all = await lab.guestPciFunctions("guest1");
  return all.filter((address) => address.startsWith("0000:08:"));
}

/** All that a command printed, which must have succeeded. */
function printedBy(result: CommandResult): string {
  const { stdout, stderr } = expectSuccess(result);
  return `${stdout}\n${stderr}`;
}

async function attachment(project: PulumiProject): Promise<StateResource> {
  const { resources = [] } = await project.stackExport();
  const found = resources.find((resource) => resource.type === resourceType);
  if (found === undefined) throw new Error("the state has no attachment");
  return found;
}

test("quickstart: up, preview in words, another set, refresh and destroy, no plain credential", async () => {
  await using project = await quickstart();
  const foretold = printedBy(await project.preview());
  expect(foretold).toMatch(
    /nic: {3}2\. hold 0000:01:00\.0 \(host driver e1000e loses it, with interface \w+\)/,
  );
  expect(foretold).toMatch(/The guest sees all functions together; nothing it has is interrupted/);
  expect(foretold).toMatch(/2 to create/);
  expect(await drivers()).toEqual(e1000e);
  expectSuccess(await project.up());
  expect(await project.outputs()).toMatchObject({ slot: { bus: "pci.8", slot: 0, kind: "pcie-acpi" } });
  await eventually(guestFunctions, four);
  const unchanged = printedBy(await project.preview());
  expect(unchanged).toMatch(/2 unchanged/);

  await project.setConfig({ functions: "[0,2]", leftovers: "hold" });
  const plan = printedBy(await project.preview());
  expect(plan).toMatch(/unplug 0000:01:00\.0-3 from pci\.8: the guest loses the device/);
  expect(plan).toMatch(/plug 0000:01:00\.0 as function 0 of pci\.8: the guest sees all of it/);
  expect(plan).toMatch(/The guest is without the device from its unplug until the last plug/);
  expect(plan).toMatch(/1 to update/);
  await eventually(guestFunctions, four);

  expectSuccess(await project.up());
  await eventually(guestFunctions, ["0000:08:00.0", "0000:08:00.2"]);
  const refreshed = printedBy(await project.refresh());
  expect(refreshed).toMatch(/2 unchanged|1 updated/);
  expect(printedBy(await project.preview())).toMatch(/2 unchanged/);
  const state = await attachment(project);
  expect(state.outputs).toMatchObject({ held: [{ hostAddress: `${NIC}.1` }, { hostAddress: `${NIC}.3` }] });

  expectSuccess(await project.destroy());
  expect(await drivers()).toEqual(e1000e);
  await eventually(guestFunctions, []);
  project.expectNoPlainText(lab.ssh.privateKey);
});

test("a provider killed amid a create leaves nothing that up cannot finish", async () => {
  await using project = await quickstart();
  const killed = project.startUp();
  await killed.line(/\d+\/\d+ plug 0000:01:00\.2/);
  for (const pid of project.providerProcesses()) process.kill(pid, "SIGKILL");
  expect((await killed.finished).code).not.toBe(0);
  expectSuccess(await project.up());
  await eventually(guestFunctions, four);
  expect((await attachment(project)).outputs).toMatchObject({ slot: { bus: "pci.8" } });
  expectSuccess(await project.refresh("--clear-pending-creates"));
  expect((await project.stackExport()).pending_operations ?? []).toEqual([]);
  expectSuccess(await project.destroy());
  expect(await drivers()).toEqual(e1000e);
  project.expectNoPlainText(lab.ssh.privateKey);
});

test("a pulumi killed amid a create leaves a provider that finishes, and ends", async () => {
  await using project = await quickstart();
  const killed = project.startUp();
  await killed.line(/\d+\/\d+ plug 0000:01:00\.2/);
  killed.kill("SIGKILL");
  await killed.finished;
  await eventually(async () => project.providerProcesses(), []);
  await eventually(guestFunctions, four);

  expectSuccess(await project.cancel());
  expectSuccess(await project.refresh("--clear-pending-creates"));
  expectSuccess(await project.up());
  expect((await project.stackExport()).pending_operations ?? []).toEqual([]);
  await eventually(guestFunctions, four);
  expectSuccess(await project.destroy());
  expect(await drivers()).toEqual(e1000e);
});

test("an interrupt lets a create end and saves it; a second is resumed", async () => {
  await using project = await quickstart();
  const once = project.startUp();
  await once.line(/\d+\/\d+ plug 0000:01:00\.2/);
  once.kill("SIGINT");
  expect((await once.finished).code).not.toBe(0);
  expect((await attachment(project)).outputs).toMatchObject({ slot: { bus: "pci.8" } });
  expect((await project.stackExport()).pending_operations ?? []).toEqual([]);
  await eventually(guestFunctions, four);
  expectSuccess(await project.destroy());

  const twice = project.startUp();
  await twice.line(/\d+\/\d+ hold 0000:01:00\.2/);
  twice.kill("SIGINT");
  await twice.line(/\^C received; cancelling/);
  twice.kill("SIGINT");
  await twice.finished;
  await eventually(async () => project.providerProcesses(), []);
  expectSuccess(await project.refresh("--clear-pending-creates"));
  expectSuccess(await project.up());
  await eventually(guestFunctions, four);
  expectSuccess(await project.destroy());
  expect(await drivers()).toEqual(e1000e);
});

test("a state of release 0.1.0 shows no changes and is destroyed", async () => {
  await using project = await quickstart();
  expectSuccess(await project.up());
  const now = await attachment(project);
  await writeLedgerAsBefore(lab, "--live");
  const text = fs.readFileSync(fixture, "utf8");
  const { host, port, hostKey, privateKey } = lab.ssh;
  const values: Record<string, unknown> = {
    HOST: host,
    PORT: port,
    HOST_KEY: hostKey,
    PRIVATE_KEY: JSON.stringify(privateKey),
    HOST_UUID: now.outputs?.["hostUuid"],
    IOMMU_GROUP: (now.outputs?.["attached"] as { iommuGroup: number }[])[0]?.iommuGroup,
  };
  const filled = text.replace(/"\{\{(\w+)\}\}"/g, (_, name: string) => JSON.stringify(values[name]));
  // secrets stand in plain text in the fixture; the stack's own key encrypts them at the import
  const { secrets_providers: providers } = await project.stackExport();
  await project.stackImport({ ...(JSON.parse(filled) as object), secrets_providers: providers });
  expect(printedBy(await project.preview())).toMatch(/2 unchanged/);
  expectSuccess(await project.destroy());
  expect(await drivers()).toEqual(e1000e);
});
