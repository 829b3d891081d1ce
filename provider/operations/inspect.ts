import { causeText, providerError, hasCode, printable } from "../errors";
import {
  composeReport,
  type Holders,
  type InspectionInput,
  type PciReport,
  type PublicConnection,
} from "../inspect";
import { Deadline } from "../async";
import { findPciAddress, type PciAddress } from "../pci";
import type { HostFacts } from "../host/uses";
import {
  findInputFailures,
  parseCheckedInputs,
  type AttachmentInputs,
  type ConnectionInputs,
} from "../resource";
import { OpensshConfig } from "../ssh";
import { credentialChecks } from "../connections/credential-checks";
import { readAmbientCredentials } from "../connections/credentials";
import { Hypervisors, type OpenHost, type PlainParts } from "../connections/hypervisor-pool";
import { toPublicError } from "./public-error";
import { guestLocatorOf } from "../connections/guest-locator";
import { CONFIG_VARIABLE, SshTargets } from "../connections/ssh-target-resolver";

/** A host with a thousand functions, over a link that takes a second for each answer, is looked at in less. */
const LIMIT_SECONDS = 120;
const CREDENTIALS = ["privateKey", "privateKeyPassword", "password"] as const;
const HOST_URI = "qemu:///system";

/** What is looked at. */
type Seen = InspectionInput["seen"];

/** How {@link inspectHost} goes about it. */
export interface InspectOptions {
  /** The stack's configuration, by whole keys; undefined outside of a program. */
  readonly config?: Parameters<typeof readAmbientCredentials>[0];
  readonly signal?: AbortSignal;
  /** Told what is being done. */
  readonly progress?: (line: string) => void;
  readonly plain?: PlainParts;
}

/** Arguments that cannot be used: all that is wrong with them, a line each. */
export class ArgumentError extends TypeError {
  override readonly name = "ArgumentError";
}

/**
 * Looks at a host and tells what could be attached, to the guest where one is given. Nothing is changed, no lock is
 * taken, and all connections are closed when it is done.
 *
 * @param args `connection` and, where a guest is meant, `guest`, as an attachment has them
 * @throws ArgumentError; ProviderError, such as those of SSH
 */
export async function inspectHost(args: unknown, options: InspectOptions = {}): Promise<PciReport> {
  const { signal: asked = new AbortController().signal, progress = () => undefined } = options;
  const ambient = readAmbientCredentials(options.config, process.env);
  const inputs = parseArguments(args, ambient);
  const notes: string[] = [];
  const openssh = new OpensshConfig({ file: process.env[CONFIG_VARIABLE] });
  const hypervisors = new Hypervisors(
    options.plain,
    new SshTargets(ambient, openssh, (line) => notes.push(line)),
  );
  // one attempt where nothing else is said: whoever looks does not want to wait for a host that is not there
  const connection = { dialErrorLimit: 1, ...inputs.connection };
  const { signal } = Deadline.start("look at the host", LIMIT_SECONDS, asked);
  try {
    progress(`connecting to ${printable(connection.host)}`);
    const host = await hypervisors.openHost(connection, { signal });
    progress(`looking at the devices of ${host.label}`);
    const reading = host.readHostFacts(signal);
    const listing = host.listPciFunctions(signal);
    const addresses = listing.then(({ functions }) =>
      functions.flatMap((one) => findPciAddress(one.address) ?? []),
    );
    addresses.catch(() => undefined); // who asks for the listing is told
    const look = inputs.guest
      ? inspectGuest(hypervisors, { ...inputs, guest: inputs.guest, connection }, addresses, reading, signal)
      : inspectHolders(host, addresses, notes, signal);
    const [facts, { functions, namesFile }, seen] = await Promise.all([reading, listing, look]);
    if (namesFile === undefined)
      notes.push(
        "The host has no pci.ids, so devices have numbers for names. Debian's package is pci.ids, others' hwdata.",
      );
    const { label, hostKeyFingerprint } = host;
    return composeReport({
      ...{ label, hostKeyFingerprint, functions, facts, seen, notes },
      arguments: {
        connection: publicPartOf(inputs.connection),
        credentials: CREDENTIALS.filter((name) => inputs.connection[name] !== undefined),
        ...(inputs.guest && { guest: given(inputs.guest) }),
      },
    });
  } catch (error) {
    throw toPublicError(error, printable(connection.host));
  } finally {
    await hypervisors.close();
  }
}

type Inputs = Pick<AttachmentInputs, "connection"> & { readonly guest?: AttachmentInputs["guest"] };

/** Judged by the rules of an attachment, with what an attachment has besides made up. */
function parseArguments(args: unknown, ambient: Parameters<typeof credentialChecks>[0]): Inputs {
  const fields = typeof args === "object" && args !== null ? (args as Readonly<Record<string, unknown>>) : {};
  const { connection, guest, ...others } = fields;
  const unknown = Object.keys(others).map(
    (key) => `unknown argument ${JSON.stringify(key)}; it takes connection, guest`,
  );
  const whole = {
    connection,
    guest: guest ?? { domain: "any" },
    device: "0000:00:00",
    ownerToken: "inspect",
  };
  const failures = findInputFailures(whole, credentialChecks(ambient)).map((one) => one.reason);
  if (unknown.length + failures.length > 0)
    throw new ArgumentError([...unknown, ...failures].map(printable).join("\n"));
  const parsed = parseCheckedInputs(whole);
  const hasGuest = guest !== undefined && guest !== null;
  return { connection: parsed.connection, ...(hasGuest && { guest: parsed.guest }) };
}

async function inspectGuest(
  hypervisors: Hypervisors,
  inputs: Required<Inputs>,
  listed: Promise<readonly PciAddress[]>,
  reading: Promise<HostFacts>,
  signal: AbortSignal,
): Promise<Seen> {
  const locator = guestLocatorOf(inputs);
  const hypervisor = await hypervisors.open(locator, { signal, readHostFacts: () => reading });
  // libvirt tells of all its guests by itself; without it, only what is named is looked for
  const addresses = locator.by === "socket" ? await listed : [];
  const forPlug = { buses: [], everyBus: true };
  const observation = await hypervisor.host.observe({ addresses, forPlug }, signal);
  const { name, runState } = observation.guest;
  if (runState === "missing") throw providerError("GUEST_NOT_FOUND", { guest: name });
  return { by: "guest", observation };
}

/** Who has functions of a host: by libvirt; where there is none, by the ledger's files and the processes of the host. */
async function inspectHolders(
  host: OpenHost,
  listed: Promise<readonly PciAddress[]>,
  notes: string[],
  signal: AbortSignal,
): Promise<Seen> {
  let reason: string;
  try {
    const { guests, ...holders } = await host.runningGuests(HOST_URI, signal);
    return { by: "host", holders, guests };
  } catch (cause) {
    if (!hasCode(cause, "LIBVIRT_UNREACHABLE", "LIBVIRT_TOO_OLD")) throw cause;
    reason = causeText(cause);
  }
  const holders = await inspectWithoutLibvirt(host, await listed, reason, notes, signal);
  return { by: "host", holders };
}

async function inspectWithoutLibvirt(
  host: OpenHost,
  addresses: readonly PciAddress[],
  reason: string,
  notes: string[],
  signal: AbortSignal,
): Promise<Holders> {
  try {
    const holders = await host.holders(addresses, signal);
    notes.push(
      "No libvirt is used here: holders are what the host's processes and this provider's records show.",
    );
    return holders;
  } catch (cause) {
    if (!hasCode(cause, "HOST_PROGRAM_FAILED", "HOST_WITHOUT_UUID")) throw cause;
    notes.push(`libvirt's guests are not known: ${reason}`);
    notes.push(`Who holds a function is not known: ${causeText(cause)}`);
    return { holdings: [], ledger: [] };
  }
}

/** What a program has to say to get there, but for credentials and limits. */
function publicPartOf(connection: ConnectionInputs): PublicConnection {
  const { host, port, user, agentSocketPath, hostKey, knownHostsFile, strictHostKeyChecking, proxy } =
    connection;
  return {
    ...given({ host, port, user, agentSocketPath, hostKey, knownHostsFile, strictHostKeyChecking }),
    ...(proxy && { proxy: publicPartOf(proxy) }),
  };
}

function given<T extends string | number>(
  fields: Readonly<Record<string, T | undefined>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
