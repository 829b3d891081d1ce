import { sleep } from "../../async/sleep";
import { providerError } from "../../errors";
import type {
  GuestConfiguration,
  HoldRequest,
  Host,
  Identity,
  LonePlug,
  ObservationQuery,
  Singles,
  SteppingStones,
} from "../../apply";
import { LibvirtError, LibvirtErrorCode, type LibvirtClient, type LibvirtDomain } from "../../libvirt-rpc";
import {
  findPciAddress,
  findPciSlotAddress,
  FUNCTIONS_PER_SLOT,
  pciAddressOf,
  romOptionsOf,
  type PciAddress,
  type PciSlotAddress,
} from "../../pci";
import { isVfioDriver, type HostFunction } from "../../host/facts";
import type { HostFacts } from "../../host/uses";
import {
  describeSlot,
  findTagOfAlias,
  withRecorded,
  type Configuration,
  type ConfiguredFunction,
  type Observation,
  type PlugTarget,
} from "../../plan";
import { listVfioPaths, qemuIdAt, type QmpMonitor } from "../../qmp";
import { readHostUses } from "../read-host-uses";
import { findHostFunction, surveyGuest, type GuestSurvey } from "../qemu";
import { retryBusyJob } from "./busy-job";
import { DetachedNodeDevices } from "./holding/detached-node-devices";
import { parseDomainXml, type DomainDescription } from "./xml/domain-xml";
import { hasEnded } from "./has-ended";
import type { FunctionHolder, FunctionHolderDependencies } from "./holding/function-holder";
import { configuredHostdev, steppingStoneHostdev, unassignedHostdev } from "./xml/hostdev-xml";
import type { LibvirtSession } from "./libvirt-session";
import { nodeDeviceName, parseNodeDeviceXml, type NodeDeviceDescription } from "./xml/node-device-xml";
import { isLibvirtError, reasonOf } from "./refused";
import { describeGuests, toldUnread, undefinedOnError, type DescribedGuests } from "./running-guests";
import { UnassignedHostdevs } from "./holding/unassigned-hostdevs";

/** virConnectListAllDomainsFlags: guests without configuration only. */
const TRANSIENT_DOMAINS = 8;

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
}

/** Host functions that QEMU has, by the ids it has them under. */
interface PluggedIds {
  readonly found: ReadonlyMap<PciAddress, string>;
  readonly unidentified: readonly string[];
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
  readonly configuration: GuestConfiguration = {
    configure: (functions, signal) => this.#configure(functions, signal),
    unconfigure: (functions, signal) => this.#unconfigure(functions, signal),
  };
  readonly #parts: LibvirtHostParts;
  #domain: LibvirtDomain | undefined;
  /** The guest that alone counts; undefined for whichever has the name. */
  #keptUuid: string | undefined;
  readonly #unassigned: FunctionHolder;
  readonly #detached: FunctionHolder;
  #plugged: Promise<PluggedIds> | undefined;
  /**
   * Of a function, ids of devices that are none of it, though QEMU does not tell what they are: they were there while it was on
   * a driver of the host's, or under an id that tells.
   */
  readonly #others = new Map<PciAddress, readonly string[]>();

  constructor(parts: LibvirtHostParts) {
    this.#parts = parts;
    const holding: FunctionHolderDependencies = {
      session: parts.session,
      domain: () => this.#foundDomain(),
      requireUnplugged: (hostAddress, signal) => this.#requireUnplugged(hostAddress, signal),
    };
    this.#unassigned = new UnassignedHostdevs(holding);
    this.#detached = new DetachedNodeDevices(holding);
  }

  async readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const client = await this.#parts.session.client(signal);
    const [domain, found] = await Promise.all([
      this.#findDomain(client, signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    const groups = [...found.values()].flatMap((one) => one.function.iommuGroup ?? []);
    return { iommuGroups: [...new Set(groups)], ...(domain !== undefined && { guestUuid: domain.uuid }) };
  }

  keepTo(guestUuid: string): void {
    this.#keptUuid = guestUuid;
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const client = await this.#parts.session.client(signal);
    // the slowest look, and nobody's condition: it runs beside the others until the end
    const surveying = readHostUses(query, () => this.#parts.readHostFacts(signal));
    surveying.catch(() => undefined);
    const olderVersion = await this.#parts.session.olderVersion(signal);
    const isOlder = olderVersion !== undefined;
    const [hostUuid, { domain, persistent }, { guests, unread }, named] = await Promise.all([
      this.#parts.session.hostUuid(signal),
      this.#findDomain(client, signal).then(async (found) => ({
        domain: found,
        persistent: found && (await describePersistent(client, found, signal)),
      })),
      // what an older libvirt's guest is held stays held when it ends
      describeGuests(client, isOlder ? "all" : "running", signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    throwUnread(domain, persistent, unread);
    const running = guests.filter((one) => one.isRunning);
    const own = running.find((one) => one.identity.uuid === domain?.uuid);
    const ledger = guests.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry })));
    const ofOurs = [...(own?.functions ?? []), ...(persistent?.functions ?? [])]
      .filter((one) => findTagOfAlias(one.alias) !== undefined)
      .map((one) => one.hostAddress);
    const detached = isOlder ? ledger.filter((line) => line.guest.uuid === domain?.uuid) : [];
    const recorded = detached.flatMap((line) => line.entry.functions.map((one) => one.hostAddress));
    const [functions, survey, uses] = await Promise.all([
      this.#withGroups(client, named, [...ofOurs, ...recorded], signal),
      own === undefined
        ? undefined
        : this.#surveyGuest(client, { own, persistent, isOlder }, query.forPlug, signal),
      surveying,
    ]);
    if (survey !== undefined) this.#tellApart(survey, functions);
    const { hostKeyFingerprint } = this.#parts.session;
    return {
      hostUuid,
      ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
      guest: {
        name: domain?.name ?? this.#parts.guest,
        uuid: domain?.uuid ?? "",
        runState: survey?.runState ?? (domain === undefined ? "missing" : "off"),
        qemuVersion: survey?.qemuVersion ?? "",
        ...(survey && { machine: survey.machine }),
        ...(own?.memoryBytes !== undefined && { memoryBytes: own.memoryBytes }),
      },
      buses: survey?.buses ?? [],
      // of what libvirt plugged itself, its own description tells the ROM
      plugged: (survey?.plugged ?? []).map((one) => ({
        ...one,
        ...romOptionsOf(own?.functions.find((other) => other.alias === one.qemuId) ?? {}),
      })),
      ...(survey && { unidentified: survey.unidentified }),
      functions,
      holdings: withRecorded(
        running.flatMap((one) => one.holdings),
        isOlder ? ledger : [],
        functions,
      ),
      ledger,
      ...toldUnread(unread),
      ...uses,
      plugsSingles: true,
      ...(olderVersion === undefined
        ? persistent && { configuration: configurationOf(persistent) }
        : { olderLibvirt: { version: olderVersion }, ledgerLocation: "domain" as const }),
    };
  }

  async heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const client = await this.#parts.session.client(signal);
    const { isRunning, holdings } = parseDomainXml(await client.domainXml(this.#foundDomain(), {}, signal));
    return new Set(isRunning ? holdings.map((one) => one.alias) : []);
  }

  /**
   * The calls go out together: libvirt carries out what it has been sent though its client dies, so that a part
   * of a set, with which the guest might not boot, does not stay (docs/internals/decisions/0012-persistent-configuration.md).
   */
  async #configure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const { buses } = parseDomainXml(await client.domainXml(domain, { inactive: true }, signal));
    const isMultifunction = functions.some((one) => (one.place?.guestFunction ?? 0) > 0);
    const elements = functions.map((one) => {
      const number = one.place && findBusNumber(buses, one.place.bus);
      if (one.place === undefined || number !== undefined)
        return configuredHostdev(one, number ?? 0, isMultifunction);
      const reason = `it has no bus ${one.place.bus}`;
      throw providerError("CONFIGURE_FAILED", { functions: [one.hostAddress], guest: domain.name, reason });
    });
    const failures = await failuresOf(
      elements.map((xml) => retryBusyJob(() => client.attachDevice(domain, xml, "config"), signal)),
    );
    throwFirstFailure("CONFIGURE_FAILED", functions, domain, failures);
  }

  async #unconfigure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const failures = await failuresOf(
      functions.map(async ({ hostAddress, alias }) => {
        const xml = unassignedHostdev(hostAddress, alias);
        const detached = retryBusyJob(() => client.detachDevice(domain, xml, "config"), signal);
        await undefinedOnError(LibvirtErrorCode.DEVICE_MISSING, () => detached);
      }),
    );
    throwFirstFailure("UNCONFIGURE_FAILED", functions, domain, failures);
  }

  async readFunctions(
    addresses: readonly PciAddress[],
    signal: AbortSignal,
  ): Promise<readonly HostFunction[]> {
    const client = await this.#parts.session.client(signal);
    const found = await Promise.all(addresses.map((one) => describeFunction(client, one, signal)));
    return found.flatMap((one) => one?.function ?? []);
  }

  async hold(request: HoldRequest, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).hold(request, signal);
  }

  /** libvirt notices by QEMU's event, a moment after whoever listens to the monitor. */
  async #unplugSteppingStone({ hostAddress, qemuId }: PlugTarget, signal: AbortSignal): Promise<void> {
    while ((await this.heldAliases(signal)).has(qemuId)) await sleep(UNPLUG_STONE_INTERVAL_MS, signal);
    const [one] = await this.readFunctions([hostAddress], signal);
    const driver = one?.driver ?? "no driver";
    if (isVfioDriver(driver)) return;
    const reason = one === undefined ? "the host has it no more" : `it is on ${driver}`;
    throw providerError("GROUP_NOT_KEPT", { hostAddress, guest: this.#foundDomain().name, reason });
  }

  async release(request: HoldRequest, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).release(request, signal);
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await (await this.#functionHolder(signal)).rebind(hostAddress, signal);
  }

  async #functionHolder(signal: AbortSignal): Promise<FunctionHolder> {
    const isOlder = (await this.#parts.session.olderVersion(signal)) !== undefined;
    return isOlder ? this.#detached : this.#unassigned;
  }

  /** Whoever has plugged it, under whatever id: libvirtd would block all the same. */
  async #requireUnplugged(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    // those that are asked for together share one look: a turn in the guest's job queue for each would hold them up
    this.#plugged ??= this.#lookForPlugged(signal).finally(() => (this.#plugged = undefined));
    const { found, unidentified } = await this.#plugged;
    const guest = this.#foundDomain().name;
    const qemuId = found.get(hostAddress);
    if (qemuId !== undefined)
      throw providerError("STILL_PLUGGED", { hostAddress: hostAddress, guest, qemuId });
    const ids = unidentified.filter((one) => this.#others.get(hostAddress)?.includes(one) !== true);
    if (ids.length > 0)
      throw providerError("FUNCTION_UNIDENTIFIED", { functions: [hostAddress], guest, ids });
  }

  #tellApart(survey: GuestSurvey, functions: ReadonlyMap<PciAddress, HostFunction>): void {
    const ofHost = [...functions.values()].filter(
      ({ driver }) => driver !== undefined && !isVfioDriver(driver),
    );
    for (const hostAddress of [
      ...ofHost.map((one) => one.hostAddress),
      ...survey.plugged.map((one) => one.hostAddress),
    ])
      this.#others.set(hostAddress, survey.unidentified);
  }

  /** QEMU's id of each host function that it has, and of those of which it cannot be told which they are. */
  async #lookForPlugged(signal: AbortSignal): Promise<PluggedIds> {
    const { monitor } = this.#parts;
    const found = new Map<PciAddress, string>();
    const unidentified: string[] = [];
    for (const path of await listVfioPaths(monitor, signal)) {
      const hostAddress = await findHostFunction(monitor, path, signal);
      if (hostAddress === "unidentified") unidentified.push(qemuIdAt(path));
      else if (hostAddress !== "none") found.set(hostAddress, qemuIdAt(path));
    }
    return { found, unidentified };
  }

  /** The function's bus has in addresses the number of its controller, which is not always the one in its name. */
  async #plugAlone(
    { target, slot }: LonePlug,
    signal: AbortSignal,
    hostdevOf: (one: ConfiguredFunction, busNumber: number) => string,
  ): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const { hostAddress, guestFunction, qemuId } = target;
    const plugError = (reason: string, cause?: unknown): Error =>
      providerError("PLUG_FAILED", { hostAddress: hostAddress, slot: describeSlot(slot), reason }, cause);
    const { buses } = parseDomainXml(await client.domainXml(domain, {}, signal));
    const number = findBusNumber(buses, slot.bus);
    if (number === undefined) throw plugError(`libvirt knows of no bus ${slot.bus} in this guest`);
    const place = { bus: slot.bus, slot: slot.slot, guestFunction };
    const xml = hostdevOf({ hostAddress, alias: qemuId, place, ...romOptionsOf(target) }, number);
    try {
      await retryBusyJob(() => client.attachDevice(domain, xml, "live"), signal);
    } catch (cause) {
      if (!(cause instanceof LibvirtError)) throw cause;
      throw plugError(reasonOf(cause), cause);
    }
  }

  #foundDomain(): LibvirtDomain {
    if (this.#domain === undefined) throw providerError("GUEST_NOT_FOUND", { guest: this.#parts.guest });
    return this.#domain;
  }

  async #findDomain(client: LibvirtClient, signal: AbortSignal): Promise<LibvirtDomain | undefined> {
    try {
      this.#domain = await client.lookupDomain(this.#keptUuid ?? this.#parts.guest, signal);
      this.#parts.onDomain(this.#domain);
    } catch (error) {
      if (!isLibvirtError(error, LibvirtErrorCode.NO_DOMAIN)) throw error;
      this.#domain = undefined;
    }
    return this.#domain;
  }

  async #surveyGuest(
    client: LibvirtClient,
    guest: {
      readonly own: DomainDescription;
      readonly persistent: DomainDescription | undefined;
      readonly isOlder: boolean;
    },
    forPlug: ObservationQuery["forPlug"],
    signal: AbortSignal,
  ): Promise<GuestSurvey | undefined> {
    const { own: live, persistent, isOlder } = guest;
    const reserved = {
      reservedSlots: (bus: string) => live.slotsByBus.get(bus) ?? [],
      reservedAtBoot: (bus: string) => persistent?.slotsByBus.get(bus) ?? [],
    };
    const toAsk = forPlug && {
      plugBuses: [...forPlug.buses, ...busesToInspect(live, persistent)],
      ...(forPlug.everyBus !== undefined && { everyBus: forPlug.everyBus }),
    };
    try {
      // one for the attachment, and with an older libvirt for a moment a spare one
      const freeSlots = isOlder ? 2 : 1;
      return await surveyGuest(this.#parts.monitor, { ...reserved, ...toAsk, freeSlots }, signal);
    } catch (error) {
      const isGone = isLibvirtError(error, LibvirtErrorCode.OPERATION_INVALID);
      if (isGone && (await hasEnded(client, this.#foundDomain(), signal))) return undefined;
      throw error;
    }
  }

  /**
   * Functions at these addresses; a slot (`DDDD:BB:DD`) stands for all it has. Its eight possible
   * functions are asked for by name: a list of all devices of a large host takes longer.
   */
  #describeFunctions(
    client: LibvirtClient,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<PciAddress, NodeDeviceDescription>> {
    const addresses = names.flatMap((name) => {
      const slot = findPciSlotAddress(name);
      return slot === undefined ? (findPciAddress(name) ?? []) : functionsOf(slot);
    });
    return describeAll(client, [...new Set(addresses)], signal);
  }

  /** What the query named, and what the guest has or is to have of ours, with every member of their groups. */
  async #withGroups(
    client: LibvirtClient,
    named: ReadonlyMap<PciAddress, NodeDeviceDescription>,
    ofOurs: readonly PciAddress[],
    signal: AbortSignal,
  ): Promise<Map<PciAddress, HostFunction>> {
    const found = new Map(named);
    const missing = [...new Set(ofOurs)].filter((hostAddress) => !found.has(hostAddress));
    for (const [hostAddress, one] of await describeAll(client, missing, signal)) found.set(hostAddress, one);
    const members = [...found.values()].flatMap((one) => one.groupMembers);
    const others = [...new Set(members)].filter((hostAddress) => !found.has(hostAddress));
    for (const [hostAddress, one] of await describeAll(client, others, signal)) found.set(hostAddress, one);
    return new Map([...found].map(([hostAddress, one]) => [hostAddress, one.function]));
  }
}

function findBusNumber(buses: ReadonlyMap<number, string>, name: string): number | undefined {
  return [...buses].find(([, bus]) => bus === name)?.[0];
}

function functionsOf(slot: PciSlotAddress): PciAddress[] {
  return Array.from({ length: FUNCTIONS_PER_SLOT }, (_, n) => pciAddressOf(slot, n));
}

/**
 * Undefined for a transient guest, of which libvirt would show the live description in place of one, and for a
 * guest that is undefined meanwhile.
 */
async function describePersistent(
  client: LibvirtClient,
  domain: LibvirtDomain,
  signal: AbortSignal,
): Promise<DomainDescription | undefined> {
  const [transients, persistent] = await Promise.all([
    client.listDomains(TRANSIENT_DOMAINS, signal),
    undefinedOnError(LibvirtErrorCode.NO_DOMAIN, () =>
      undefinedOnError(LibvirtErrorCode.OPERATION_INVALID, async () =>
        parseDomainXml(await client.domainXml(domain, { inactive: true }, signal)),
      ),
    ),
  ]);
  return transients.some((one) => one.uuid === domain.uuid) ? undefined : persistent;
}

/** What is not known of the guest itself cannot be changed. */
function throwUnread(
  domain: LibvirtDomain | undefined,
  persistent: DomainDescription | undefined,
  unread: DescribedGuests["unread"],
): void {
  const cause = unread.find((one) => one.guest.uuid === domain?.uuid)?.cause ?? persistent?.unreadLedger;
  if (cause !== undefined) throw cause;
}

function configurationOf({ buses, functions, ledger }: DomainDescription): Configuration {
  return { buses: [...buses.values()], functions, ledger };
}

/**
 * Buses of which a plan must know more than the one free bus that an attach would take: those on record, and
 * those that a persistent attachment cannot have, because the configuration has given them to one already or
 * does not have them.
 */
function busesToInspect(live: DomainDescription, persistent: DomainDescription | undefined): string[] {
  const recorded = live.ledger.map((entry) => entry.slot.bus);
  if (persistent === undefined) return recorded;
  const atBoot = new Set(persistent.buses.values());
  return [
    ...recorded,
    ...persistent.ledger.map((entry) => entry.slot.bus),
    ...persistent.functions.flatMap((one) => one.place?.bus ?? []),
    ...[...live.buses.values()].filter((bus) => !atBoot.has(bus)),
  ];
}

/** Waits for all, so that none runs on unwatched; what each has failed with, in their order. */
async function failuresOf(calls: readonly Promise<void>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(calls);
  return results.map((one) => (one.status === "rejected" ? (one.reason as unknown) : undefined));
}

function throwFirstFailure(
  code: "CONFIGURE_FAILED" | "UNCONFIGURE_FAILED",
  functions: readonly ConfiguredFunction[],
  domain: LibvirtDomain,
  failures: readonly unknown[],
): void {
  const first = failures.find((one) => one !== undefined);
  if (first === undefined) return;
  if (!(first instanceof LibvirtError)) throw first as Error;
  const failed = functions.filter((_one, index) => failures[index] !== undefined);
  const addresses = failed.map((one) => one.hostAddress);
  throw providerError(code, { functions: addresses, guest: domain.name, reason: reasonOf(first) }, first);
}

async function describeAll(
  client: LibvirtClient,
  addresses: readonly PciAddress[],
  signal: AbortSignal,
): Promise<Map<PciAddress, NodeDeviceDescription>> {
  const all = await Promise.all(
    addresses.map((hostAddress) => describeFunction(client, hostAddress, signal)),
  );
  return new Map(all.flatMap((one) => (one === undefined ? [] : [[one.function.hostAddress, one] as const])));
}

function describeFunction(
  client: LibvirtClient,
  hostAddress: PciAddress,
  signal: AbortSignal,
): Promise<NodeDeviceDescription | undefined> {
  return undefinedOnError(LibvirtErrorCode.NO_NODE_DEVICE, async () =>
    parseNodeDeviceXml(await client.nodeDeviceXml(nodeDeviceName(hostAddress), signal), hostAddress),
  );
}
