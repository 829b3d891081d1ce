import { readFileSync } from "node:fs";
import { DynamicProvider, serializedShim, type Properties } from "../../test/support/dynamic-provider";
import type { Cost, Fleet, FleetGuest } from "./fleet";
import { inParallel } from "./in-parallel";

/** What the provider's side of one command shows. */
export interface ProviderFigures {
  /** Preview of a program that creates all: check of each, with its look at the host. */
  readonly previewOfCreate: Cost;
  /** Preview of a program that changes nothing: check and diff of each. */
  readonly previewOfNothing: Cost;
  /** Most memory that its process had, over all commands. */
  readonly peakRssBytes: number;
  /** Processor time of its process, summed over the commands, the start of each included. */
  readonly providerCpuSeconds: number;
  /** Inputs and outputs of one resource in the state, as JSON without white space. */
  readonly stateBytes: number;
  /** Of these, the text of the shim, which stands in both. */
  readonly shimBytes: number;
}

export interface ProviderResult extends ProviderFigures {
  readonly attach: Cost;
  readonly detach: Cost;
}

/** How the provider's process is started. */
export interface ProviderOptions {
  /** Attachments at a time, as `pulumi --parallel`. */
  readonly parallel: number;
  /** Where the package is found; default: this repository. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Resource {
  readonly guest: FleetGuest;
  readonly inputs: Properties;
  readonly id: string;
  readonly outs: Properties;
}

/**
 * The commands of a stack's life, each with a process of its own as the engine has it: a preview, an up
 * without its preview, a preview again, a destroy. The process is there before a time is taken.
 */
export async function byProvider(fleet: Fleet, options: ProviderOptions): Promise<ProviderResult> {
  const { parallel, folder } = options;
  let peakRssBytes = 0;
  let providerCpuSeconds = 0;
  const command = async (work: (provider: DynamicProvider) => Promise<void>): Promise<Cost> => {
    await using provider = await DynamicProvider.startConfigured({
      env: {
        MULTIFUNCTION_PCI_PRIVATE_KEY: readFileSync(fleet.clientKey, "utf8"),
        ...options.env,
      },
      ...(folder !== undefined && { folder }),
    });
    const cost = await fleet.measure(() => work(provider));
    const { rssBytes, cpuSeconds } = processFigures(provider.pid);
    peakRssBytes = Math.max(peakRssBytes, rssBytes);
    providerCpuSeconds += cpuSeconds;
    // as the engine ends it
    process.kill(provider.pid, "SIGINT");
    await provider.ended;
    return cost;
  };
  const checked = async (
    provider: DynamicProvider,
    olds: Properties,
    guest: FleetGuest,
  ): Promise<Properties> => {
    const { inputs, failures } = await provider.check(olds, inputsFor(guest));
    const [failure] = failures;
    if (failure !== undefined) throw new Error(`${failure.property}: ${failure.reason}`);
    return inputs;
  };

  const previewOfCreate = await command(async (provider) => {
    await inParallel(fleet.guests, parallel, (guest) => checked(provider, {}, guest));
    refuseBlindLook(provider);
  });
  let resources: Resource[] = [];
  const attach = await command(async (provider) => {
    resources = await inParallel(fleet.guests, parallel, async (guest) => {
      const inputs = await checked(provider, {}, guest);
      return { guest, inputs, ...(await provider.create(inputs)) };
    });
  });
  await fleet.expect("all attached");
  const previewOfNothing = await command(async (provider) => {
    await inParallel(resources, parallel, async ({ guest, inputs, id, outs }) => {
      const { changes } = await provider.diff(id, outs, await checked(provider, inputs, guest));
      if (changes !== "none")
        throw new Error(`a preview of nothing shows a change:\n${provider.printed.join("\n")}`);
    });
  });
  const detach = await command(async (provider) => {
    await inParallel(resources, parallel, ({ id, outs }) => provider.delete(id, outs));
  });
  await fleet.expect("none attached");
  const shim = JSON.stringify(await serializedShim());
  const [first] = resources;
  const properties = JSON.stringify([first?.inputs, first?.outs]).length;
  // the name of Pulumi's property beside the text, and a comma
  const shimBytes = 2 * (`"__provider":,`.length + shim.length);
  return {
    previewOfCreate,
    attach,
    previewOfNothing,
    detach,
    peakRssBytes,
    providerCpuSeconds,
    stateBytes: properties + shimBytes,
    shimBytes,
  };
}

function inputsFor({ host, socket, device, index }: FleetGuest): Properties {
  return {
    connection: {
      host: host.destination.host,
      port: host.destination.port,
      user: "root",
      hostKey: host.hostKey,
    },
    guest: { qmpSocket: socket },
    device,
    ownerToken: `organization/bench/fleet/nic${index}`,
    // in good time also where one processor has to be everybody's
    timeouts: { attachSeconds: 600, detachSeconds: 600 },
  };
}

/** A look that fails is told and is no error: it would be a quick preview of nothing. */
function refuseBlindLook(provider: DynamicProvider): void {
  const blind = provider.printed.find((line) => /cannot be looked at|would be refused/.test(line));
  if (blind !== undefined) throw new Error(blind);
}

/**
 * High-water mark of the process's resident memory, and its processor time so far (proc(5); 100 ticks a
 * second).
 */
function processFigures(pid: number): { readonly rssBytes: number; readonly cpuSeconds: number } {
  const [, kib = ""] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user = "", system = ""] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return { rssBytes: Number(kib) * 1024, cpuSeconds: (Number(user) + Number(system)) / 100 };
}
