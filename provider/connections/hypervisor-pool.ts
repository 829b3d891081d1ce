import { hasCode } from "../errors";
import { libvirtHypervisor, LibvirtSession, readRunningGuests } from "../hypervisor/libvirt";
import type { LibvirtUri, RunningGuests } from "../hypervisor/libvirt";
import { locateGuestDevices } from "../hypervisor/locate-guest-devices";
import { findHolders } from "../hypervisor/plain-qemu";
import type { Hypervisor, Progress } from "../apply";
import type { PciAddress } from "../pci";
import type { ConnectionInputs } from "../resource";
import { labelOf, poolKeyOf, SshPool, type SshConnection } from "../ssh";
import type { FunctionFacts, GuestDevice, GuestDevices, HostFacts, NodeUse, PciListing } from "../host/facts";
import { HostHelper } from "../host/helper";
import { lockOf, streamsOf } from "./channels";
import type { GuestLocator } from "./guest-locator";
import { LibvirtSessions } from "./libvirt-sessions";
import { PLAIN_PARTS, PlainConnection, type PlainParts } from "./plain-connection";
import type { SshTargetResolver } from "./ssh-target-resolver";

/** Limits of one dial. */
export interface DialLimits {
  readonly dialErrorLimit: number;
  readonly perDialTimeoutSeconds: number;
}

const PREVIEW_DIAL: DialLimits = { dialErrorLimit: 1, perDialTimeoutSeconds: 5 };

/** How a hypervisor is opened. */
export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly limits?: DialLimits;
  readonly progress?: Progress;
  /** An operation that takes locks: what they need is started while libvirt is being opened. */
  readonly willLock?: boolean;
  /** The owner token of the attachment that is to be changed, for the log of a host without libvirt. */
  readonly owner?: string;
  /** In place of reading them again, if the caller has read them already. */
  readonly readHostFacts?: (signal: AbortSignal) => Promise<HostFacts>;
  /** The same, of all functions of the host. */
  readonly readFunctionFacts?: () => Promise<FunctionFacts>;
}

/** A host that is read without a guest in mind. */
export interface OpenHost {
  readonly label: string;
  readonly hostKeyFingerprint: string;
  readHostFacts(signal: AbortSignal): Promise<HostFacts>;
  listPciFunctions(signal: AbortSignal): Promise<PciListing>;
  /** Of all functions. */
  readFunctionFacts(signal: AbortSignal): Promise<FunctionFacts>;
  /** See HostHelper. */
  readTree(signal: AbortSignal): Promise<readonly string[]>;
  /** On which functions the devices of guests are. */
  locateGuestDevices(devices: readonly GuestDevice[], signal: AbortSignal): Promise<GuestDevices>;
  /** By libvirt. @throws as LibvirtSession.client */
  runningGuests(uri: LibvirtUri, signal: AbortSignal): Promise<RunningGuests>;
  /** Without libvirt. @throws as findHolders */
  holders(addresses: readonly PciAddress[], signal: AbortSignal): ReturnType<typeof findHolders>;
}

/**
 * The hypervisors of this process: one SSH connection per host, one libvirt connection per guest, shared by
 * all resources of one `pulumi` command (it runs them all in one provider process).
 */
export class HypervisorPool {
  /** From connection arguments to what is dialled; knows the credentials of stack and environment. */
  readonly targets: SshTargetResolver;
  readonly #pool = new SshPool();
  /** Of hosts that have not answered a preview, by the hash of their target. */
  readonly #unanswered = new Map<string, Error>();
  readonly #helpers = new Map<SshConnection, HostHelper>();
  readonly #libvirt = new Map<SshConnection, LibvirtSessions>();
  readonly #plain = new Map<SshConnection, PlainConnection>();
  readonly #plainParts: PlainParts;

  constructor(targets: SshTargetResolver, plainParts: PlainParts = PLAIN_PARTS) {
    this.targets = targets;
    this.#plainParts = plainParts;
  }

  /** @throws the ProviderErrors of the SSH room; the signal's reason. */
  async open(locator: GuestLocator, options: OpenOptions = {}): Promise<Hypervisor> {
    const ssh = await this.#connect(locator.connection, options);
    if (locator.by === "socket") return this.#plainOf(ssh).open(locator, options);
    const helper = this.#helperOf(ssh);
    if (options.willLock) helper.prepare();
    const lock = lockOf(helper, options.progress);
    const readHostFacts =
      options.readHostFacts ?? ((signal: AbortSignal): Promise<HostFacts> => helper.readFacts(signal));
    const { session, shareWith } = this.#libvirtOf(ssh).sessionOf(locator);
    const onFound = ({ uuid }: { readonly uuid: string }): void => shareWith(uuid);
    const readNodeUse = (signal: AbortSignal): Promise<NodeUse> => helper.readNodeUse(signal);
    const readFunctionFacts =
      options.readFunctionFacts ??
      ((names: readonly string[], signal: AbortSignal): Promise<FunctionFacts> =>
        helper.readFunctionFacts(names, signal));
    const reading = { readHostFacts, readNodeUse, readFunctionFacts };
    return libvirtHypervisor({
      ...{ session, guest: locator.guest, lock, ...reading, onFound },
      findPlaces: (keys, signal) => helper.findPlaces(keys, signal),
    });
  }

  /** @throws as {@link open} */
  async openHost(connection: ConnectionInputs, options: OpenOptions = {}): Promise<OpenHost> {
    const ssh = await this.#connect(connection, options);
    const helper = this.#helperOf(ssh);
    const { label, hostKeyFingerprint } = ssh;
    return {
      label,
      hostKeyFingerprint,
      readHostFacts: (signal) => helper.readFacts(signal),
      listPciFunctions: (signal) => helper.listFunctions(signal),
      readFunctionFacts: (signal) => helper.readFunctionFacts([], signal),
      readTree: (signal) => helper.readTree(signal),
      locateGuestDevices: (devices, signal) =>
        locateGuestDevices(devices, (keys, within) => helper.findPlaces(keys, within), signal),
      runningGuests: (uri, signal) => runningGuestsOf(ssh, uri, signal),
      holders: (addresses, signal) => findHolders(this.#plainOf(ssh).programOf("login"), addresses, signal),
    };
  }

  /**
   * Opens for a preview, which is worth a few seconds only. A host that does not answer is waited for once in
   * a process: every resource on it would cost as much again.
   *
   * @throws as {@link open}
   */
  async openForPreview(locator: GuestLocator, signal: AbortSignal): Promise<Hypervisor> {
    const target = await this.targets.resolve(locator.connection);
    const key = `${labelOf(target)} ${poolKeyOf(target)}`; // the error names the host as the program does
    const known = this.#unanswered.get(key);
    if (known !== undefined) throw known;
    try {
      return await this.open(locator, { signal, limits: PREVIEW_DIAL });
    } catch (error) {
      if (error instanceof Error && hasCode(error, "SSH_DIAL_FAILED")) this.#unanswered.set(key, error);
      throw error;
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#libvirt.values(), ...this.#plain.values()].map((one) => one.close()));
    await Promise.all([...this.#helpers.values()].map((helper) => helper.close()));
    await this.#pool.close();
  }

  async #connect(connection: ConnectionInputs, { limits, signal }: OpenOptions): Promise<SshConnection> {
    const target = await this.targets.resolve(connection);
    return this.#pool.acquire({ ...target, ...limits }, signal);
  }

  /** One for each connection: its locks are lost with it. */
  #helperOf(ssh: SshConnection): HostHelper {
    return whileOpen(this.#helpers, ssh, () => new HostHelper(ssh));
  }

  #libvirtOf(ssh: SshConnection): LibvirtSessions {
    return whileOpen(this.#libvirt, ssh, () => new LibvirtSessions(ssh));
  }

  #plainOf(ssh: SshConnection): PlainConnection {
    return whileOpen(this.#plain, ssh, () => new PlainConnection(ssh, this.#plainParts));
  }
}

/** What is kept of an SSH connection until it has ended. */
function whileOpen<T>(all: Map<SshConnection, T>, ssh: SshConnection, make: () => T): T {
  const known = all.get(ssh);
  if (known !== undefined) return known;
  const made = make();
  all.set(ssh, made);
  void ssh.closed.then(() => all.delete(ssh));
  return made;
}

async function runningGuestsOf(
  ssh: SshConnection,
  uri: LibvirtUri,
  signal: AbortSignal,
): Promise<RunningGuests> {
  const session = new LibvirtSession(streamsOf(ssh), uri);
  try {
    return await readRunningGuests(session, signal);
  } finally {
    await session.close();
  }
}
