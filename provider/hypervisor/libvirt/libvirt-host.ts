import type {
  HoldRequest,
  Host,
  Identity,
  LonePlug,
  ObservationQuery,
  Singles,
  SteppingStones,
} from "../../apply";
import { sleep } from "../../async/sleep";
import { providerError } from "../../errors";
import { isVfioDriver, type HostFunction, type HostFacts } from "../../host/facts";
import { LibvirtError, type LibvirtDomain } from "../../libvirt-rpc";
import { romOptionsOf, type PciAddress } from "../../pci";
import { describeSlot, type ConfiguredFunction, type Observation, type PlugTarget } from "../../plan";
import type { QmpMonitor } from "../../qmp";
import type { FindPlaces } from "../locate-guest-devices";
import { plugError, type ReadNodeUse } from "../qemu";
import type { ReadFunctionFacts } from "../read-function-facts";
import { retryBusyJob } from "./busy-job";
import { DriverCalls } from "./driver-calls";
import { FoundDomain } from "./found-domain";
import { LibvirtConfiguration } from "./guest-configuration";
import { DetachedNodeDevices } from "./holding/detached-node-devices";
import type { FunctionHolder, FunctionHolderDependencies } from "./holding/function-holder";
import { UnassignedHostdevs } from "./holding/unassigned-hostdevs";
import { LibvirtObserver } from "./libvirt-observer";
import type { LibvirtSession } from "./libvirt-session";
import { describeAll, describeNamed } from "./node-devices";
import { PluggedFunctions } from "./plugged-functions";
import { reasonOf } from "./refused";
import { findBusNumber, parseDomainXml } from "./xml/domain-xml";
import { configuredHostdev, steppingStoneHostdev } from "./xml/hostdev-xml";

/** Between two looks whether libvirt has noticed that QEMU has let go. */
const UNPLUG_STONE_INTERVAL_MS = 100;

/** What {@link LibvirtHost} is made of. */
export interface LibvirtHostParts {
  readonly session: LibvirtSession;
  readonly monitor: QmpMonitor;
  /** Name or UUID of the guest. */
  readonly guest: string;
  /** Told of the guest as soon as it is found, for the parts that speak to it. */
  readonly onDomain: (domain: LibvirtDomain) => void;
  readonly readHostFacts: (signal: AbortSignal) => Promise<HostFacts>;
  /** See LibvirtObserverParts. */
  readonly findPlaces?: FindPlaces;
  readonly readNodeUse?: ReadNodeUse;
  readonly readFunctionFacts?: ReadFunctionFacts;
}

/** A host whose libvirt holds functions for a guest. */
export class LibvirtHost implements Host {
  /** The first hold makes the group's node. */
  readonly firstHold = "alone";
  readonly singles: Singles = {
    attachSingle: ({ vfioDriver, ...plug }, signal) =>
      this.#plugAlone(plug, signal, (one, busNumber) =>
        configuredHostdev({ ...one, ...(vfioDriver !== undefined && { vfioDriver }) }, busNumber, false),
      ),
  };
  /** Only an older libvirt is asked for these. */
  readonly steppingStones: SteppingStones = {
    plugSteppingStone: (plug, signal) => this.#plugAlone(plug, signal, steppingStoneHostdev),
    unplugSteppingStone: (target, signal) => this.#unplugSteppingStone(target, signal),
  };
  readonly configuration: LibvirtConfiguration;
  readonly #session: LibvirtSession;
  readonly #domain: FoundDomain;
  readonly #observer: LibvirtObserver;
  readonly #unassigned: FunctionHolder;
  readonly #detached: FunctionHolder;
  readonly #readNodeUse: ReadNodeUse | undefined;
  readonly #driverCalls: DriverCalls;

  constructor(parts: LibvirtHostParts) {
    const { session, monitor, guest, onDomain, readHostFacts, readFunctionFacts, findPlaces } = parts;
    const domain = new FoundDomain({ guest, onDomain });
    const plugged = new PluggedFunctions(monitor);
    this.#driverCalls = new DriverCalls({ session, domain: () => domain.get(), readFunctionFacts });
    const holding: FunctionHolderDependencies = {
      session,
      domain: () => domain.get(),
      driverCalls: this.#driverCalls,
      requireUnplugged: (hostAddress, signal) =>
        plugged.requireUnplugged(hostAddress, domain.get().name, signal),
    };
    this.#session = session;
    this.#domain = domain;
    this.#readNodeUse = parts.readNodeUse;
    const reading = { readHostFacts, readFunctionFacts, ...(findPlaces && { findPlaces }) };
    this.#observer = new LibvirtObserver({ session, monitor, domain, plugged, ...reading });
    this.#unassigned = new UnassignedHostdevs(holding);
    this.#detached = new DetachedNodeDevices(holding);
    this.configuration = new LibvirtConfiguration(session, domain);
  }

  async readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const client = await this.#session.client(signal);
    const [domain, found] = await Promise.all([
      this.#domain.find(client, signal),
      describeNamed(client, query.addresses, signal),
    ]);
    const groups = [...found.values()].flatMap((one) => one.function.iommuGroup ?? []);
    return { iommuGroups: [...new Set(groups)], ...(domain !== undefined && { guestUuid: domain.uuid }) };
  }

  keepTo(guestUuid: string): void {
    this.#domain.keepTo(guestUuid);
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    this.#driverCalls.requireNoneLate(this.#domain.guest);
    return this.#observer.observe(query, signal);
  }

  async heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const client = await this.#session.client(signal);
    const { isRunning, holdings } = parseDomainXml(await client.domainXml(this.#domain.get(), {}, signal));
    return new Set(isRunning ? holdings.map((one) => one.alias) : []);
  }

  async readFunctions(
    addresses: readonly PciAddress[],
    signal: AbortSignal,
  ): Promise<readonly HostFunction[]> {
    const client = await this.#session.client(signal);
    return [...(await describeAll(client, addresses, signal)).values()].map((one) => one.function);
  }

  async hold(request: HoldRequest, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).hold(request, signal);
  }

  async release(request: HoldRequest, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).release(request, signal);
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).rebind(hostAddress, signal);
  }

  async #functionHolder(signal: AbortSignal): Promise<FunctionHolder> {
    const isOlder = (await this.#session.olderVersion(signal)) !== undefined;
    return isOlder ? this.#detached : this.#unassigned;
  }

  /** libvirt notices by QEMU's event, a moment after whoever listens to the monitor. */
  async #unplugSteppingStone({ hostAddress, qemuId }: PlugTarget, signal: AbortSignal): Promise<void> {
    while ((await this.heldAliases(signal)).has(qemuId)) await sleep(UNPLUG_STONE_INTERVAL_MS, signal);
    const [one] = await this.readFunctions([hostAddress], signal);
    const driver = one?.driver ?? "no driver";
    if (isVfioDriver(driver)) return;
    const reason = one === undefined ? "the host has it no more" : `it is on ${driver}`;
    throw providerError("GROUP_NOT_KEPT", { hostAddress, guest: this.#domain.get().name, reason });
  }

  /**
   * The function's bus has in addresses the number of its controller, which is not always the one in its
   * name.
   */
  async #plugAlone(
    { target, slot }: LonePlug,
    signal: AbortSignal,
    hostdevOf: (one: ConfiguredFunction, busNumber: number) => string,
  ): Promise<void> {
    const client = await this.#session.client(signal);
    const domain = this.#domain.get();
    const { hostAddress, guestFunction, qemuId } = target;
    const { buses } = parseDomainXml(await client.domainXml(domain, {}, signal));
    const number = findBusNumber(buses, slot.bus);
    if (number === undefined) {
      const reason = `libvirt knows of no bus ${slot.bus} in this guest`;
      throw providerError("PLUG_FAILED", { hostAddress, slot: describeSlot(slot), reason });
    }
    const guestAddress = { bus: slot.bus, slot: slot.slot, guestFunction };
    const xml = hostdevOf({ hostAddress, alias: qemuId, guestAddress, ...romOptionsOf(target) }, number);
    try {
      await this.#driverCalls.run({ hostAddress, signal, pinsMemory: true }, () =>
        retryBusyJob(() => client.attachDevice(domain, xml, "live"), signal),
      );
    } catch (cause) {
      if (!(cause instanceof LibvirtError)) throw cause;
      throw await plugError({ hostAddress, slot, cause, reason: reasonOf(cause) }, this.#readNodeUse);
    }
  }
}
