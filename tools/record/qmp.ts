/**
 * Records what a real QEMU and libvirt show of a guest, for test/unit/hypervisor: brings the guest into each
 * scenario and writes to test/fixtures/qmp/<scenario>.json every answer of the monitor that a survey of the
 * guest's slots may ask for, and libvirt's descriptions of guest, devices and host.
 *
 *   npx tsx tools/record/qmp.ts --port 2299 --key FILE --host-key LINE [--host 127.0.0.1] [SCENARIO…]
 *
 * The host is one of lab/. It attaches and detaches a device there; never point it at a host that matters.
 */
import "../tsx/shell-text.cjs";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HypervisorPool } from "../../provider/connections/hypervisor-pool";
import { attach, detach, type Hypervisor } from "../../provider/apply";
import { LibvirtClient, type LibvirtDomain } from "../../provider/libvirt-rpc";
import type { PciSlotAddress } from "../../provider/pci";
import { planAttach } from "../../provider/plan";
import { findObjectType, isRecord } from "../../provider/qmp";
import type { ConnectionInputs } from "../../provider/resource";
import { SshPool, type SshConnection } from "../../provider/ssh";
import { SshTargetResolver } from "../../provider/connections/ssh-target-resolver";
import { recordingsFolder, type GuestRecording } from "../../test/support/recordings/guest-recording";

const GUEST = "guest1";
const GUEST_UUID = "11111111-1111-4111-8111-111111111111";
const OWNER = "organization/quickstart/dev/nic";
const SOCKET = "/run/libvirt/libvirt-sock";
const NODE_DEVICES = [
  "pci_0000_00_02_0",
  "pci_0000_00_05_0",
  ...[0, 1, 2, 3].map((n) => `pci_0000_01_00_${n}`),
];
const signal = new AbortController().signal;
const query = { addresses: ["0000:01:00"], forPlug: { buses: [] } };
const desired = {
  ownerToken: OWNER,
  selection: { by: "device", device: "0000:01:00" as PciSlotAddress },
  leftovers: "refuse",
  adopt: false,
  allowInUse: false,
  persistent: false,
} as const;

/** How a guest gets into the state that is recorded. */
const scenarios: Record<string, (hypervisor: Hypervisor) => Promise<void>> = {
  idle: () => Promise.resolve(),
  attached: async (hypervisor) => {
    const limits = { limitSeconds: 120, undoSeconds: 120, progress: console.log };
    await attach(hypervisor, { desired, query, ...limits });
    await new Promise((resolve) => setTimeout(resolve, 10_000));
  },
  "half-plugged": async (hypervisor) => {
    await hypervisor.host.readIdentity(query, signal);
    const plan = planAttach(await hypervisor.host.observe(query, signal), desired);
    for (const step of plan.steps) {
      if (step.kind === "record") await hypervisor.ledger.record(step.entry, step.locations, signal);
      if (step.kind === "hold") await hypervisor.host.hold(step, signal);
      if (step.kind === "plug" && step.target.guestFunction !== 0)
        await hypervisor.guest.plug(step.target, step.slot, { multifunction: false });
    }
  },
};

/** Asks as a survey would, and for more than it does today, and keeps each answer under its question. */
async function dump(client: LibvirtClient, domain: LibvirtDomain): Promise<Record<string, unknown>> {
  const replies: Record<string, unknown> = {};
  const ask = async (execute: string, args?: Record<string, string>): Promise<unknown> => {
    const command = JSON.stringify({ execute, ...(args && { arguments: args }) });
    const reply: unknown = JSON.parse(await client.monitorCommand(domain, command, signal));
    if (!isRecord(reply)) throw new Error(`${command}: no object`);
    delete reply["id"];
    replies[command] = reply;
    return reply["return"];
  };
  const get = (path: string, property: string): Promise<unknown> => ask("qom-get", { path, property });
  const list = async (path: string): Promise<{ name: string; type: string }[]> =>
    ((await ask("qom-list", { path })) ?? []) as { name: string; type: string }[];
  for (const command of ["query-status", "query-version", "query-target", "query-pci"]) await ask(command);
  await get("/machine", "type");
  await list("/machine/peripheral-anon");
  for (const { name, type } of await list("/machine/peripheral")) {
    const path = `/machine/peripheral/${name}`;
    for (const property of ["addr", "parent_bus", "host", "hotplug"]) await get(path, property);
    if (!/port|bridge/.test(findObjectType(type) ?? "")) continue;
    const bus = `${path}/${name}`;
    for (const property of ["hotplug-handler", "acpi-pcihp-bsel"]) await get(bus, property);
    for (const child of await list(bus)) {
      if (!child.name.startsWith("child[")) continue;
      const occupant = await get(bus, child.name);
      if (typeof occupant === "string") await get(occupant, "addr");
    }
  }
  return replies;
}

async function record(
  scenario: string,
  hypervisor: Hypervisor,
  ssh: SshConnection,
  client: LibvirtClient,
): Promise<GuestRecording> {
  await scenarios[scenario]?.(hypervisor);
  const domain = await client.lookupDomain(GUEST, signal);
  const shell = async (command: string): Promise<string> => {
    const { stdio } = await ssh.exec(command, signal);
    let text = "";
    for await (const chunk of stdio) text += String(chunk);
    return text.trim();
  };
  return {
    scenario,
    recordedWith: {
      command: `npx tsx tools/record/qmp.ts ${scenario}`,
      host: await shell('. /etc/os-release; echo "$PRETTY_NAME, kernel $(uname -r)"'),
      libvirt: await shell("libvirtd --version"),
      qemu: await shell("qemu-system-x86_64 --version | head -n 1"),
    },
    replies: await dump(client, domain),
    domainXml: await client.domainXml(domain, {}, signal),
    persistentXml: await client.domainXml(domain, { inactive: true }, signal),
    capabilitiesXml: withoutCpu(await client.capabilities(signal)),
    nodeDeviceXml: Object.fromEntries(
      await Promise.all(
        NODE_DEVICES.map(async (name) => [name, await client.nodeDeviceXml(name, signal)] as const),
      ),
    ),
  };
}

/** The list of the CPU's features is long, differs with the machine, and nobody reads it. */
function withoutCpu(capabilities: string): string {
  return capabilities.replace(/<cpu>[^]*?<\/cpu>\s*/, "").replace(/<guest>[^]*<\/guest>\s*/, "");
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string" },
      key: { type: "string" },
      "host-key": { type: "string" },
    },
  });
  const { host, port, key } = values;
  const hostKey = values["host-key"];
  if (port === undefined || key === undefined || hostKey === undefined)
    throw new Error("--port, --key and --host-key are needed");
  const connection: ConnectionInputs = {
    host,
    port: Number(port),
    privateKey: readFileSync(key, "utf8"),
    hostKey,
  };
  const targets = new SshTargetResolver({ environment: process.env, say: console.log });
  const hypervisors = new HypervisorPool(targets);
  const pool = new SshPool();
  try {
    const ssh = await pool.acquire(await targets.resolve(connection), signal);
    const client = await LibvirtClient.open(await ssh.openUnixSocket(SOCKET, signal), {
      uri: "qemu:///system",
    });
    const hypervisor = await hypervisors.open({ connection, by: "libvirt", guest: GUEST, uri: undefined });
    for (const scenario of positionals.length > 0 ? positionals : Object.keys(scenarios)) {
      const recording = await record(scenario, hypervisor, ssh, client);
      const file = join(recordingsFolder, `${scenario}.json`);
      writeFileSync(file, `${JSON.stringify(recording, undefined, 2)}\n`);
      console.log(`wrote ${file}`);
      const request = { ownerToken: OWNER, query, guestUuid: GUEST_UUID, prior: { functions: [] } };
      const verify = (): void => undefined;
      await detach(hypervisor, { ...request, verify, limitSeconds: 120, progress: console.log });
    }
    await client.close();
  } finally {
    await hypervisors.close();
    await pool.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
