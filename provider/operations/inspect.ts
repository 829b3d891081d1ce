import { Deadline } from "../async";
import { anySignal } from "../async/abort";
import { withTimeLimit } from "../async/time-limit";
import { readAmbientCredentials, type Environment, type StackConfig } from "../connections/credentials";
import { guestLocatorOf, type GuestLocator } from "../connections/guest-locator";
import { HypervisorPool, type OpenHost } from "../connections/hypervisor-pool";
import type { PlainParts } from "../connections/plain-connection";
import { toPublicError } from "../connections/public-error";
import { SshTargetResolver } from "../connections/ssh-target-resolver";
import { causeText, providerError, printable } from "../errors";
import type { FunctionFacts, HostFacts } from "../host/facts";
import { composeReport, type InspectionInput, type PciReport } from "../inspect";
import type { PciAddress } from "../pci";
import { describeHostNote } from "../plan";
import { inspectHolders, type SeenHolders } from "./inspect-holders";
import {
  parseInspectionArguments,
  publicArgumentsOf,
  type InspectionArguments,
} from "./inspection-arguments";

export { describeReport } from "../inspect";

/** A host with a thousand functions, over a link that takes a second for each answer, is read in less. */
const LIMIT_SECONDS = 120;

/** For what an inspection can do without, on a host with thousands of processes. */
const FUNCTIONS_LIMIT_MS = 20_000;

/** How {@link inspectHost} goes about it. */
export interface InspectOptions {
  /** The process's variables: credentials, the agent's socket, and which ssh_config is asked. */
  readonly environment: Environment;
  /** The stack's configuration, by whole keys; undefined outside of a program. */
  readonly config?: StackConfig;
  readonly signal?: AbortSignal;
  /** Told what is being done. */
  readonly progress?: (line: string) => void;
  readonly plain?: PlainParts;
}

/**
 * Reads a host and tells what could be attached, to the guest if the arguments name a guest. Nothing is
 * changed, no lock is taken, and all connections are closed when it is done.
 *
 * @param args `connection` and, if a guest is meant, `guest`, as an attachment has them
 * @throws ArgumentError; ProviderError, such as those of SSH
 */
export async function inspectHost(args: unknown, options: InspectOptions): Promise<PciReport> {
  const { environment, config, progress = () => undefined } = options;
  const ambient = readAmbientCredentials(config, environment);
  const inputs = parseInspectionArguments(args, ambient);
  const notes: string[] = [];
  const say = (line: string): void => void notes.push(line);
  const connections = new HypervisorPool(new SshTargetResolver({ environment, ambient, say }), options.plain);
  const { signal } = Deadline.start("look at the host", LIMIT_SECONDS, options.signal);
  try {
    return composeReport(await readHost({ connections, inputs, notes, progress }, signal));
  } catch (error) {
    throw toPublicError(error, printable(inputs.connection.host));
  } finally {
    await connections.close();
  }
}

/** One inspection. */
interface Inspection {
  readonly connections: HypervisorPool;
  readonly inputs: InspectionArguments;
  readonly notes: string[];
  readonly progress: (line: string) => void;
}

/** Reads the facts of the host, its functions, and who has them, at the same time. */
async function readHost(inspection: Inspection, signal: AbortSignal): Promise<InspectionInput> {
  const { connections, inputs, notes, progress } = inspection;
  // a single attempt by default: whoever looks does not want to wait for a host that is not there
  const connection = { dialErrorLimit: 1, ...inputs.connection };
  progress(`connecting to ${printable(connection.host)}`);
  const host = await connections.openHost(connection, { signal });
  const { label, hostKeyFingerprint } = host;
  progress(`looking at the devices of ${label}`);
  const reading = host.readHostFacts(signal);
  const listing = host.listPciFunctions(signal);
  const looking = lookAtFunctions(host, notes, signal);
  const listed = listing.then(({ functions }) => functions.map((one) => one.hostAddress));
  listed.catch(() => undefined); // who asks for the listing is told
  const seeing = inputs.guest
    ? inspectGuest(
        connections,
        guestLocatorOf({ connection, guest: inputs.guest }),
        { listed, reading, looking },
        signal,
      )
    : inspectHolders({ host, listed, notes }, signal);
  const [facts, { functions, namesFile }, { seen, guestDevices }, functionFacts] = await Promise.all([
    reading,
    listing,
    seeing,
    looking,
  ]);
  if (namesFile === undefined)
    notes.push(
      "The host has no pci.ids, so devices have numbers for names. Debian's package is pci.ids, others' hwdata.",
    );
  return {
    ...{ label, hostKeyFingerprint, functions, notes, seen },
    facts: { ...facts, ...(guestDevices && { guestDevices }) },
    ...(functionFacts && { functionFacts }),
    arguments: publicArgumentsOf(inputs),
  };
}

/** In place of what could not be had. */
const NOTHING_SEEN: FunctionFacts = {
  functions: new Map(),
  directRegions: new Map(),
  interrupts: "unknown",
  seen: "some",
};

/** Undefined, with a note, where it cannot be had. */
async function lookAtFunctions(
  host: OpenHost,
  notes: string[],
  signal: AbortSignal,
): Promise<FunctionFacts | undefined> {
  try {
    return await withTimeLimit(FUNCTIONS_LIMIT_MS, (limit) =>
      host.readFunctionFacts(anySignal(signal, limit)),
    );
  } catch (cause) {
    notes.push(describeHostNote({ kind: "unseen-functions", reason: causeText(cause) }));
    return undefined;
  }
}

/** What is being read of the host already. */
interface HostReading {
  readonly listed: Promise<readonly PciAddress[]>;
  readonly reading: Promise<HostFacts>;
  readonly looking: Promise<FunctionFacts | undefined>;
}

async function inspectGuest(
  connections: HypervisorPool,
  locator: GuestLocator,
  { listed, reading, looking }: HostReading,
  signal: AbortSignal,
): Promise<SeenHolders> {
  const readFunctionFacts = async (): Promise<FunctionFacts> => (await looking) ?? NOTHING_SEEN;
  const hypervisor = await connections.open(locator, {
    signal,
    readHostFacts: () => reading,
    readFunctionFacts,
  });
  // libvirt tells of all its guests by itself; without it, only what is named is looked for
  const addresses = locator.by === "socket" ? await listed : [];
  const forPlug = { buses: [], everyBus: true, offGuests: true };
  const observation = await hypervisor.host.observe({ addresses, forPlug }, signal);
  const { name, runState } = observation.guest;
  if (runState === "missing") throw providerError("GUEST_NOT_FOUND", { guest: name });
  return { seen: { by: "guest", observation } };
}
