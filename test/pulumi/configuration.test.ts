import { PulumiProject, type CommandResult } from "../support/pulumi/pulumi-project";

/**
 * Which configuration Pulumi hands to the provider of dynamic resources: what README and
 * docs/internals/pulumi.md say of keys in the stack's configuration rests on this. A probe, no part of the
 * package; it prints backwards what Pulumi would mask.
 */
const source = `
  import * as pulumi from "@pulumi/pulumi";
  const probe: pulumi.dynamic.ResourceProvider = {
    async configure({ config }) {
      console.log("configured " + [...(config.get("multifunction-pci:privateKey") ?? "")].reverse().join(""));
    },
    async create(inputs) { return { id: "1", outs: inputs }; },
    async read(id, props) { return { id, props }; },
  };
  class Probe extends pulumi.dynamic.Resource {
    constructor(name: string) { super(probe, name, {}, {}, "probe", "Probe"); }
  }
  new Probe("probe");
`;

test("a refresh configures the provider as the last up, or as today", async () => {
  await using project = await PulumiProject.create({ source });
  const setKey = (key: string) => project.setSecret({ "multifunction-pci:privateKey": key });
  const configuredIn = async (command: Promise<CommandResult>): Promise<string | undefined> => {
    const { code, stdout, stderr } = await command;
    expect(code).toBe(0);
    return /configured (\S*)/.exec(stdout + stderr)?.[1];
  };
  await setKey("one");
  expect(await configuredIn(project.up())).toBe("eno");
  await setKey("two");
  expect(await configuredIn(project.refresh())).toBe("eno");
  expect(await configuredIn(project.refresh("--run-program"))).toBe("owt");
});
