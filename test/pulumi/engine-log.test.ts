import { expectSuccess, PulumiProject } from "../support/pulumi/pulumi-project";

/** One word, so that no line of a log breaks it. */
const password = `open-${"sesame".repeat(3)}-${process.pid}`;

const source = `
  const { MultifunctionPciAttachment } = require("pulumi-multifunction-pci");
  new MultifunctionPciAttachment("nic", {
    connection: { host: "127.0.0.1", port: 9, password: ${JSON.stringify(password)}, dialErrorLimit: 1 },
    guest: { domain: "guest1" },
    device: "0000:01:00",
  });`;

/**
 * What docs/security.md says of the logs of Pulumi's own engine. If the first of these fails, Pulumi has
 * become better, and the page can say so.
 */
describe("A credential in a preview", () => {
  it("stands in the engine's own log in clear at -v=9", async () => {
    await using project = await PulumiProject.create({ source });
    const { stderr } = expectSuccess(await project.preview("--logtostderr", "-v=9"));
    expect(stderr).toContain(password);
  }, 180_000);

  it("stands in nothing that is printed without it", async () => {
    await using project = await PulumiProject.create({ source });
    const { stdout, stderr } = expectSuccess(await project.preview("--logtostderr"));
    expect(stdout + stderr).not.toContain(password);
    expect(stdout).toContain("MultifunctionPciAttachment");
  }, 180_000);
});
