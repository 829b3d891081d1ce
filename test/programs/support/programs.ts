import {
  expectSuccess,
  PulumiProject,
  type CommandResult,
  type StateResource,
} from "../../support/pulumi/pulumi-project";
import type { WorkingHost } from "../../support/working-host";

/** Type of the attachment in URNs. */
export const ATTACHMENT = "pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment";

/** A preview waits a quarter of a minute for its look; a busy machine may need more than one. */
const PREVIEWS = 4;
const NOT_LOOKED = "the host cannot be looked at";

/** What stands above each program's own part. */
const HEAD = `
import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";
`;

/** Text of a program with one attachment, named `nic`. */
export function nic(host: WorkingHost, args = "functions: [0, 1, 2, 3]", name = "nic"): string {
  return attachments(host, [{ name, args }]);
}

/** Text of a program with these attachments; `before` stands above them, `options` is the third argument. */
export function attachments(
  host: WorkingHost,
  all: readonly { readonly name: string; readonly args?: string; readonly options?: string }[],
  before = "",
): string {
  const lines = all.map(({ name, args, options }) => {
    const given = args ?? "functions: [0, 1, 2, 3]";
    const device = given.includes("device:") ? "" : 'device: "0000:01:00", ';
    const rest = options === undefined ? "" : `, ${options}`;
    return `new MultifunctionPciAttachment(${JSON.stringify(name)}, { ${host.place}, ${device}${given} }${rest});`;
  });
  return [HEAD, before, ...lines, ""].join("\n");
}

/** What a stack of these tests is made of. */
export interface StackOptions {
  readonly source: string;
  /** Default: `net`. */
  readonly project?: string;
  /** Default: `dev`. */
  readonly stack?: string;
  /** A project whose backend it shares. */
  readonly beside?: PulumiProject;
}

/** A stack whose commands have the host's key, and nothing of this machine's. */
export function stackOf(host: WorkingHost, options: StackOptions): Promise<PulumiProject> {
  const { source, project = "net", stack = "dev", beside } = options;
  const env = {
    SSH_AUTH_SOCK: "",
    MULTIFUNCTION_PCI_SSH_CONFIG: "none",
    MULTIFUNCTION_PCI_PRIVATE_KEY: host.privateKey,
  };
  return PulumiProject.create({ source, name: project, stack, env, ...(beside && { beside }) });
}

/** All that a command printed, which must have succeeded. */
export function printedBy(result: CommandResult): string {
  const { stdout, stderr } = expectSuccess(result);
  return `${stdout}\n${stderr}`;
}

/** All that a command printed, which must have failed. */
export function failureOf({ code, stdout, stderr }: CommandResult): string {
  if (code === 0) throw new Error(`the command succeeded:\n${stdout}${stderr}`);
  return `${stdout}\n${stderr}`;
}

/** What a preview prints that could look at the host. */
export async function foretold(project: PulumiProject, ...args: readonly string[]): Promise<string> {
  for (let tries = 1; ; tries++) {
    const printed = printedBy(await project.preview(...args));
    if (tries === PREVIEWS || !printed.includes(NOT_LOOKED)) return printed;
  }
}

/** Fails if a preview shows any difference. */
export async function expectNoDifference(project: PulumiProject): Promise<void> {
  const printed = await foretold(project);
  expect(printed).not.toMatch(/to (create|update|delete|replace)|\d+ (created|updated|deleted|replaced)/);
  expect(printed).toMatch(/\d+ unchanged/);
}

/** The only attachment of the stack's state. */
export async function attachmentIn(project: PulumiProject): Promise<StateResource> {
  const { resources = [] } = await project.stackExport();
  const [only, ...others] = resources.filter((one) => one.type.endsWith(ATTACHMENT));
  if (only === undefined || others.length > 0) throw new Error("the state has not exactly one attachment");
  return only;
}
