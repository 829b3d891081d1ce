import fs from "node:fs";
import path from "node:path";
import { connectLab, type GuestName, type Lab } from "../../lab";
import { SshOnPath } from "../support/ssh-config";
import { publicLine, Workspace } from "../support/sshd";
import { eventually } from "../support/eventually";
import {
  expectSuccess,
  PulumiProject,
  repository,
  startCommand,
  type CommandResult,
} from "../support/pulumi/pulumi-project";
import { commandsUnder, previewed, expectRecorded } from "../support/pulumi/recorded";

/**
 * Each test is named after the folder in examples/ that it runs; the quickstart's are in attachment.test.ts.
 */
const NIC = "0000:01:00";
const OTHER_NIC = "0000:02:00";
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
/** Nothing of this machine's own; an ssh on PATH may be asked all the same. */
const noAgent = { SSH_AUTH_SOCK: "" };
const env = { ...noAgent, MULTIFUNCTION_PCI_SSH_CONFIG: "none" };

let lab: Lab;
let workspace: Workspace;
let ssh: SshOnPath;
beforeAll(async () => {
  lab = await connectLab();
  workspace = new Workspace();
  ssh = sshOnPath();
});
afterAll(async () => {
  ssh.restore();
  workspace.remove();
  await lab.close();
});

async function drivers(device: string): Promise<(string | null)[]> {
  const all = Object.entries(await lab.hostDrivers());
  const own = all.filter(([address]) => address.startsWith(device));
  return own.sort(([a], [b]) => a.localeCompare(b)).map(([, driver]) => driver);
}

/** What the guest's kernel has behind its root ports, but for the USB controller that is always there. */
async function behindPorts(guest: GuestName): Promise<string[]> {
  const all = await lab.guestPciFunctions(guest);
  return all.filter((address) => /^0000:0[2-9]/.test(address));
}

async function onHost(command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(command);
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${stderr}`);
  return stdout.trim();
}

/** `hv1` and `hv2` are the lab's host, as root and as a member of the group libvirt. */
function sshOnPath(): SshOnPath {
  const { host, port, hostKey, privateKeyFile, users } = lab.ssh;
  const knownHosts = workspace.write("known_hosts", `[${host}]:${port} ${hostKey}\n`);
  const lines = [
    ...["Host hv1", `User ${users.root}`, "Host hv2", `User ${users.operator}`],
    ...["Host *", `HostName ${host}`, `Port ${port}`],
    ...[`IdentityFile ${privateKeyFile}`, `UserKnownHostsFile ${knownHosts}`],
  ];
  const file = workspace.write("ssh_config", `${lines.join("\n")}\n`);
  return new SshOnPath(workspace, `real -F '${file}' "$@"`);
}

async function runPartial(): Promise<void> {
  const { host, port, hostKey, privateKey } = lab.ssh;
  await using project = await PulumiProject.create({ folder: "examples/partial", stack: "dev", env });
  await project.setSecret({ "multifunction-pci:privateKey": privateKey });
  const config = { domain: "guest1", device: NIC, functions: "[0, 2]" };
  await project.setConfig({ host, port: String(port), hostKey, ...config });

  expectRecorded("partial", ["pulumi preview"], await previewed(() => project.preview()));
  expectSuccess(await project.up());
  expect(await project.outputs()).toEqual({
    slot: { bus: "pci.8", slot: 0, kind: "pcie-acpi" },
    attached: [`${NIC}.0`, `${NIC}.2`],
    held: [`${NIC}.1`, `${NIC}.3`],
  });
  await eventually(() => behindPorts("guest1"), ["0000:08:00.0", "0000:08:00.2"]);

  const today = workspace.generateKey("today");
  const key = fs.readFileSync(today, "utf8");
  await onHost(`echo '${publicLine(today)}' > /root/.ssh/authorized_keys`);
  await project.setSecret({ "multifunction-pci:privateKey": key });
  const outdated = await project.destroy();
  expect(outdated.code).not.toBe(0);
  expect(outdated.stdout).toMatch(/SSH_AUTH_REFUSED/);
  expect(outdated.stdout).toMatch(/multifunction-pci:privateKey in the stack's configuration/);
  expectSuccess(await project.destroy("--run-program"));
  await eventually(() => behindPorts("guest1"), []);
  expect(await drivers(NIC)).toEqual(e1000e);
  project.expectNoPlainText(privateKey, key);
}

/** The engine's lines and the provider's come by different ways: which of both is first is chance. */
function inOrder(lines: readonly string[]): string[] {
  const isEngines = (line: string): boolean => /^nic: \w+ (begins|ends)$|^(done|slot): /.test(line);
  const [begins = "", ...others] = lines.filter(isEngines);
  const said = lines.filter((line) => !isEngines(line));
  const firstStep = said.findIndex((line) => line.startsWith("nic: 1/"));
  return [...said.slice(0, firstStep), begins, ...said.slice(firstStep), ...others];
}

async function runAutomationApi(): Promise<void> {
  // only for its backend, home and PATH
  await using project = await PulumiProject.create({ source: "", env: noAgent });
  const target = ["hv2", "guest2", OTHER_NIC];
  const run = (command: string): Promise<CommandResult> => {
    const all: NodeJS.ProcessEnv = project.environment();
    delete all["PULUMI_STACK"];
    const tsx = path.join(repository, "node_modules/.bin/tsx");
    const cwd = path.join(repository, "examples/automation-api");
    return startCommand(tsx, ["index.ts", command, ...target], { cwd, env: all }).finished;
  };
  const linesOf = (result: CommandResult): string[] =>
    expectSuccess(result)
      .stdout.trimEnd()
      .replace(/^ *\d+\.\d s {2}/gm, "")
      .split("\n");

  const up = inOrder(linesOf(await run("up")));
  expectRecorded("automation-api", [`npm start -- up ${target.join(" ")}`], up.join("\n"));
  await eventually(async () => (await behindPorts("guest2")).length, 4);
  const destroyed = linesOf(await run("destroy"));
  expect(destroyed).toEqual(
    expect.arrayContaining([
      "nic: delete begins",
      expect.stringMatching(/^nic: 1\/\d unplug 0000:02:00\.0-3 /),
      "nic: delete ends",
      "done: 2 delete",
    ]),
  );
  expect(await drivers(OTHER_NIC)).toEqual(e1000e);
}

/** At once, because they have different guests and devices, and accounts. */
describe("side by side", () => {
  let partial: Promise<void>;
  let automationApi: Promise<void>;
  beforeAll(async () => {
    await lab.restore();
    partial = runPartial();
    automationApi = runAutomationApi();
    await Promise.allSettled([partial, automationApi]);
  }, 300_000);

  test("partial, with a key that is changed between up and destroy", () =>
    expect(partial).resolves.toBeUndefined());
  test("automation-api", () => expect(automationApi).resolves.toBeUndefined());
});

test("fleet", async () => {
  await lab.restore();
  await using project = await PulumiProject.create({
    folder: "examples/fleet",
    stack: "dev",
    env: noAgent,
  });
  const order = [`hv1-guest1-${NIC}`, "hv1-guest1-0000:00:08", `hv2-guest2-${OTHER_NIC}`];
  expectRecorded("fleet", ["pulumi preview"], await previewed(() => project.preview(), order));
  expectSuccess(await project.up());
  await eventually(async () => (await behindPorts("guest1")).length, 6);
  await eventually(() => behindPorts("guest2"), ["0000:08:00.0", "0000:08:00.1"]);
  const { resources = [] } = await project.stackExport();
  const attachments = resources.filter(({ type }) => type.endsWith("MultifunctionPciAttachment"));
  expect(attachments).toHaveLength(3);
  for (const { deletedWith } of attachments) expect(deletedWith).toMatch(/fleet:Domain::hv\d-guest\d$/);

  const destroyed = expectSuccess(await project.destroy());
  expect(destroyed.stdout).not.toMatch(/unplug/);
  expect(await onHost("virsh list --name")).toBe("");
  for (const device of [NIC, OTHER_NIC]) await eventually(() => drivers(device), e1000e);
});

test("promotion", async () => {
  await lab.restore();
  const folder = path.join(workspace.path, "promotion");
  fs.cpSync(path.join(repository, "examples/promotion"), folder, { recursive: true });
  fs.symlinkSync(path.join(repository, "node_modules"), path.join(folder, "node_modules"));
  fs.writeFileSync(path.join(folder, ".gitignore"), "node_modules\n*.state\n");
  const name = { GIT_AUTHOR_NAME: "Test", GIT_COMMITTER_NAME: "Test" };
  const email = { GIT_AUTHOR_EMAIL: "test@example.com", GIT_COMMITTER_EMAIL: "test@example.com" };
  await using project = await PulumiProject.create({ folder, env: { ...env, ...name, ...email } });
  const pulumi = (stack: string, ...args: readonly string[]): Promise<CommandResult> =>
    project.start([...args, "--stack", stack]).finished;
  const shell = (script: string): Promise<CommandResult> =>
    startCommand("bash", ["-ec", script], { cwd: folder, env: project.environment() }).finished;
  const attachedIn = async (stack: string): Promise<unknown> =>
    JSON.parse(expectSuccess(await pulumi(stack, "stack", "output", "attached", "--json")).stdout);

  const stacks = ["dev", "staging", "prod"];
  const keys: string[] = [];
  for (const stack of stacks) {
    const { host, port, hostKey, users } = lab.ssh;
    const key = workspace.generateKey(stack);
    const user = stack === "staging" ? users.operator : users.root;
    await onHost(`echo '${publicLine(key)}' >> ~${user}/.ssh/authorized_keys`);
    keys.push(fs.readFileSync(key, "utf8"));
    const connection = { host, port, hostKey };
    const plain = Object.entries(connection).map(([name, value]) => `connection.${name}=${String(value)}`);
    const secret = `multifunction-pci:privateKey=${keys.at(-1)}`;
    const values = [...plain.flatMap((one) => ["--plaintext", one]), "--secret", secret];
    expectSuccess(await project.start(["stack", "init", stack]).finished);
    expectSuccess(await pulumi(stack, "config", "set-all", "--path", ...values));
  }
  expectSuccess(
    await shell("git init --quiet && git add --all && git commit --quiet -m 'Set up the stacks'"),
  );
  const ups = await Promise.all(stacks.map((stack) => pulumi(stack, "up", "--yes", "--skip-preview")));
  ups.forEach(expectSuccess);
  expect(await attachedIn("prod")).toEqual(["0000:00:0a.0", "0000:00:0a.1"]);

  const [prepare = "", up = ""] = commandsUnder("promotion", "Try it in dev");
  const commands = prepare.trim().split("\n");
  const preview = commands.pop() ?? "";
  expectSuccess(await shell(commands.join("\n")));
  const [foretold, gate] = await Promise.all([
    previewed(() => shell(preview)),
    pulumi("dev", "preview", "--expect-no-changes"),
  ]);
  expectRecorded("promotion", [preview], foretold);
  expect(gate.code).not.toBe(0);
  expect(gate.stderr + gate.stdout).toMatch(/no changes were expected/);
  expectSuccess(await shell(up));
  expect(await attachedIn("dev")).toEqual(["0000:00:08.0", "0000:00:08.1"]);

  const [promote = ""] = commandsUnder("promotion", "Promote");
  expectSuccess(await shell(promote));
  expect(await attachedIn("staging")).toEqual(["0000:00:09.0", "0000:00:09.1"]);

  const [goBack = ""] = commandsUnder("promotion", "Go back");
  expectSuccess(await shell(goBack));
  expect(await attachedIn("staging")).toEqual(["0000:00:09.0"]);
  expect(await attachedIn("dev")).toEqual(["0000:00:08.0", "0000:00:08.1"]);
  const [keepState = ""] = commandsUnder("promotion", "Keep the state");
  expectSuccess(await shell(keepState));

  project.expectNoPlainText(...keys);
  const written = fs.readdirSync(folder).filter((name) => /\.(state|yaml)$/.test(name));
  expect(written).toEqual(expect.arrayContaining(["prod.state", "Pulumi.prod.yaml"]));
  for (const name of written) {
    const text = fs.readFileSync(path.join(folder, name), "utf8");
    for (const key of keys) expect(text).not.toContain(key.split("\n")[2]);
  }
}, 600_000);
