import * as automation from "@pulumi/pulumi/automation";
import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";
import { show } from "./progress";

const [command = "", host, domain, device] = process.argv.slice(2);
if (!["preview", "up", "destroy"].includes(command) || !host || !domain || !device) {
  console.error("usage: npm start -- preview|up|destroy HOST GUEST DEVICE");
  process.exit(2);
}

/** What a program of the CLI has in its index.ts. */
const program = async () => {
  const nic = new MultifunctionPciAttachment("nic", {
    connection: { host },
    guest: { domain },
    device,
  });
  return { slot: nic.slot };
};

async function main(): Promise<void> {
  const stack = await automation.LocalWorkspace.createOrSelectStack({
    projectName: "multifunction-pci-automation-api",
    stackName: "dev",
    program,
  });
  const options = { onEvent: show };
  if (command === "preview") await stack.preview(options);
  else if (command === "up") {
    const { outputs } = await stack.up(options);
    for (const [name, { value }] of Object.entries(outputs)) console.log(`${name}: ${JSON.stringify(value)}`);
  } else await stack.destroy(options);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
