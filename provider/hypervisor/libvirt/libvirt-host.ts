import { causeText, fail } from "../../errors";
import type { Host, Identity, ObservationQuery } from "../../lifecycle";
import { LibvirtError, LibvirtErrorCode, type LibvirtClient, type LibvirtDomain } from "../../libvirt-rpc";
import {
  findHostUses,
  findPciAddress,
  findPciSlotAddress,
  FUNCTIONS_PER_SLOT,
  pciAddressOf,
  romOptionsOf,
  type GuestSlot,
  type HostFunction,
  type HostSurvey,
  type PciAddress,
  type PciSlotAddress,
} from "../../pci";
import {
  describeSlot,
  findTagOfAlias,
  type Configuration,
  type ConfiguredFunction,
  type Observation,
  type PlugTarget,
} from "../../plan";
import { findProperty, listVfioPaths, qemuIdAt, type QmpMonitor } from "../../qmp";
import { surveyGuest, type GuestSurvey } from "../qemu";
import { retryBusyJob } from "./busy-job";
import { parseDomainXml, type DomainDescription } from "./domain-xml";
import { configuredHostdev, unassignedHostdev } from "./hostdev-xml";
import type { LibvirtSession } from "./libvirt-session";
import { nodeDeviceName, parseNodeDeviceXml, type NodeDeviceDescription } from "./node-device-xml";
import { describeRunningGuests, unlessGone } from "./running-guests";

/** virConnectListAllDomainsFlags: guests without configuration only. */
const TRANSIENT_DOMAINS = 8;

/** What {@link LibvirtHost} is made of. */
export interface LibvirtHostParts {
  readonly session: LibvirtSession;
  readonly monitor: QmpMonitor;
  /** Name or UUID of the guest. */
  readonly guest: string;
  /** Told of the guest as soon as it is found, for the parts that speak to it. */
  readonly onDomain: (domain: LibvirtDomain) => void;
  readonly survey: (signal: AbortSignal) => Promise<HostSurvey>;
}

/** A host whose libvirt holds functions for a guest. */
export class LibvirtHost implements Host {
  readonly #parts: LibvirtHostParts;
  #domain: LibvirtDomain | undefined;
  #isUnassignedKept = false;
  #plugged: Promise<ReadonlyMap<PciAddress, string>> | undefined;

  constructor(parts: LibvirtHostParts) {
    this.#parts = parts;
  }

  async identify(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const client = await this.#parts.session.client(signal);
    const [domain, found] = await Promise.all([
      this.#findDomain(client, signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    const groups = [...found.values()].flatMap((one) => one.function.iommuGroup ?? []);
    return { iommuGroups: [...new Set(groups)], ...(domain !== undefined && { guestUuid: domain.uuid }) };
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const client = await this.#parts.session.client(signal);
    // the slowest look, and nobody's condition: it runs beside the others until the end
    const surveying = Promise.resolve(query.forPlug ? this.#parts.survey(signal).then(findHostUses) : []);
    surveying.catch(() => undefined);
    const [hostUuid, { domain, persistent }, running, named] = await Promise.all([
      this.#parts.session.hostUuid(signal),
      this.#findDomain(client, signal).then(async (found) => ({
        domain: found,
        persistent: found && (await describePersistent(client, found, signal)),
      })),
      describeRunningGuests(client, signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    const own = running.find((one) => one.identity.uuid === domain?.uuid);
    const [functions, survey, hostUses] = await Promise.all([
      this.#withGroups(client, named, [...(own?.functions ?? []), ...(persistent?.functions ?? [])], signal),
      own === undefined ? undefined : this.#surveyGuest(client, own, persistent, query.forPlug, signal),
      surveying,
    ]);
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
      functions,
      holdings: running.flatMap((one) => one.holdings),
      ledger: running.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry }))),
      hostUses,
      plugsSingles: true,
      ...(persistent && { configuration: configurationOf(persistent) }),
    };
  }

  async heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const client = await this.#parts.session.client(signal);
    const { isRunning, holdings } = parseDomainXml(await client.domainXml(this.#foundDomain(), {}, signal));
    return new Set(isRunning ? holdings.map((one) => one.alias) : []);
  }

  /**
   * The calls go out together: libvirt carries out what it has been sent though its client dies, so that a part
   * of a set, with which the guest might not boot, does not stay (docs/decisions/0012-persistent-configuration.md).
   */
  async configure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const { buses } = parseDomainXml(await client.domainXml(domain, { inactive: true }, signal));
    const isMultifunction = functions.some((one) => (one.place?.guestFunction ?? 0) > 0);
    const elements = functions.map((one) => {
      const number = one.place && findBusNumber(buses, one.place.bus);
      if (one.place === undefined || number !== undefined)
        return configuredHostdev(one, number ?? 0, isMultifunction);
      const reason = `it has no bus ${one.place.bus}`;
      throw fail("CONFIGURE_FAILED", { functions: [one.address], guest: domain.name, reason });
    });
    const failures = await failuresOf(
      elements.map((xml) => retryBusyJob(() => client.attachDevice(domain, xml, "config"), signal)),
    );
    throwWhatFailed("CONFIGURE_FAILED", functions, domain, failures);
  }

  async unconfigure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const failures = await failuresOf(
      functions.map(async ({ address, alias }) => {
        const xml = unassignedHostdev(address, alias);
        const detached = retryBusyJob(() => client.detachDevice(domain, xml, "config"), signal);
        await unlessGone(LibvirtErrorCode.DEVICE_MISSING, () => detached);
      }),
    );
    throwWhatFailed("UNCONFIGURE_FAILED", functions, domain, failures);
  }

  async lookAt(addresses: readonly PciAddress[], signal: AbortSignal): Promise<readonly HostFunction[]> {
    const client = await this.#parts.session.client(signal);
    const found = await Promise.all(addresses.map((one) => describeFunction(client, one, signal)));
    return found.flatMap((one) => one?.function ?? []);
  }

  /**
   * libvirt refuses a function in use, and an alias that is there already (a hold that was cut off): the
   * latter is what was wanted. After the first hold of this connection the guest's description is looked
   * at, because a libvirt that ignores `unassigned` would have plugged the function.
   *
   * The signal ends the repeating only: a call under way is awaited, here and in release, because libvirt
   * carries it out whether or not someone waits, and undoing must not overtake it.
   */
  async hold(address: PciAddress, alias: string, signal: AbortSignal, vfioDriver?: string): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const xml = unassignedHostdev(address, alias, vfioDriver);
    try {
      await retryBusyJob(() => client.attachDevice(domain, xml, "live"), signal);
    } catch (cause) {
      const isThere = isLibvirtError(cause, LibvirtErrorCode.CONFIG_UNSUPPORTED);
      if (!isThere || !(await this.#isHeld(client, alias, signal)))
        throw fail("HOLD_FAILED", { address, guest: domain.name, reason: reasonOf(cause) }, cause);
    }
    if (this.#isUnassignedKept) return;
    const described = parseDomainXml(await client.domainXml(domain, {}, signal));
    this.#isUnassignedKept = described.holdings.some((one) => one.alias === alias && one.isUnassigned);
    if (this.#isUnassignedKept) return;
    await client.detachDevice(domain, xml, "live", signal);
    throw fail("UNASSIGNED_IGNORED", { address, guest: domain.name });
  }

  /** The function's bus has in addresses the number of its controller, which is not always the one in its name. */
  async attach(target: PlugTarget, slot: GuestSlot, signal: AbortSignal, vfioDriver?: string): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    const { hostAddress: address, guestFunction, qemuId } = target;
    const failed = (reason: string, cause?: unknown): Error =>
      fail("PLUG_FAILED", { address, slot: describeSlot(slot), reason }, cause);
    const { buses } = parseDomainXml(await client.domainXml(domain, {}, signal));
    const number = findBusNumber(buses, slot.bus);
    if (number === undefined) throw failed(`libvirt knows of no bus ${slot.bus} in this guest`);
    const xml = configuredHostdev(
      {
        address,
        alias: qemuId,
        place: { bus: slot.bus, slot: slot.slot, guestFunction },
        ...romOptionsOf(target),
        ...(vfioDriver !== undefined && { vfioDriver }),
      },
      number,
      false,
    );
    try {
      await retryBusyJob(() => client.attachDevice(domain, xml, "live"), signal);
    } catch (cause) {
      if (!(cause instanceof LibvirtError)) throw cause;
      throw failed(reasonOf(cause), cause);
    }
  }

  /**
   * QOM is asked first, each time: a release of a function that QEMU still has blocks libvirtd and all
   * its clients (libvirt.md, Concurrency).
   */
  async release(address: PciAddress, alias: string, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#foundDomain();
    try {
      await this.#refusePlugged(address, signal);
      const xml = unassignedHostdev(address, alias);
      await retryBusyJob(() => client.detachDevice(domain, xml, "live"), signal);
    } catch (cause) {
      if (isLibvirtError(cause, LibvirtErrorCode.DEVICE_MISSING)) return;
      if (isLibvirtError(cause, LibvirtErrorCode.OPERATION_INVALID) && (await this.#hasEnded(client, signal)))
        return;
      if (!(cause instanceof LibvirtError)) throw cause;
      throw fail("RELEASE_FAILED", { address, guest: domain.name, reason: reasonOf(cause) }, cause);
    }
  }

  async rebind(address: PciAddress, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    await client.nodeDeviceReattach(nodeDeviceName(address), signal);
  }

  /** Whoever has plugged it, under whatever id: libvirtd would block all the same. */
  async #refusePlugged(address: PciAddress, signal: AbortSignal): Promise<void> {
    // those that are asked for together share one look: a turn in the guest's job queue for each would hold them up
    this.#plugged ??= this.#lookForPlugged(signal).finally(() => (this.#plugged = undefined));
    const qemuId = (await this.#plugged).get(address);
    if (qemuId !== undefined)
      throw fail("STILL_PLUGGED", { address, guest: this.#foundDomain().name, qemuId });
  }

  /** QEMU's id of each host function that it has. */
  async #lookForPlugged(signal: AbortSignal): Promise<ReadonlyMap<PciAddress, string>> {
    const { monitor } = this.#parts;
    const found = new Map<PciAddress, string>();
    for (const path of await listVfioPaths(monitor, signal)) {
      const host = await findProperty(monitor, path, "host", signal);
      const address = typeof host === "string" ? findPciAddress(host) : undefined;
      if (address !== undefined) found.set(address, qemuIdAt(path));
    }
    return found;
  }

  #foundDomain(): LibvirtDomain {
    if (this.#domain === undefined) throw fail("GUEST_NOT_FOUND", { guest: this.#parts.guest });
    return this.#domain;
  }

  async #findDomain(client: LibvirtClient, signal: AbortSignal): Promise<LibvirtDomain | undefined> {
    try {
      this.#domain = await client.lookupDomain(this.#parts.guest, signal);
      this.#parts.onDomain(this.#domain);
    } catch (error) {
      if (!isLibvirtError(error, LibvirtErrorCode.NO_DOMAIN)) throw error;
      this.#domain = undefined;
    }
    return this.#domain;
  }

  async #isHeld(client: LibvirtClient, alias: string, signal: AbortSignal): Promise<boolean> {
    const described = parseDomainXml(await client.domainXml(this.#foundDomain(), {}, signal));
    return described.isRunning && described.holdings.some((one) => one.alias === alias && one.isUnassigned);
  }

  async #hasEnded(client: LibvirtClient, signal: AbortSignal): Promise<boolean> {
    const { state } = await client.domainState(this.#foundDomain(), signal);
    return state === "shutoff" || state === "crashed";
  }

  async #surveyGuest(
    client: LibvirtClient,
    live: DomainDescription,
    persistent: DomainDescription | undefined,
    forPlug: ObservationQuery["forPlug"],
    signal: AbortSignal,
  ): Promise<GuestSurvey | undefined> {
    const reserved = (bus: string): readonly number[] => [
      ...(live.slotsByBus.get(bus) ?? []),
      ...(persistent?.slotsByBus.get(bus) ?? []),
    ];
    const toAsk = forPlug && {
      plugBuses: [...forPlug.buses, ...busesWithAMeaning(live, persistent)],
      ...(forPlug.everyBus !== undefined && { everyBus: forPlug.everyBus }),
    };
    try {
      return await surveyGuest(this.#parts.monitor, { reservedSlots: reserved, ...toAsk }, signal);
    } catch (error) {
      const isGone = isLibvirtError(error, LibvirtErrorCode.OPERATION_INVALID);
      if (isGone && (await this.#hasEnded(client, signal))) return undefined;
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
    taken: readonly ConfiguredFunction[],
    signal: AbortSignal,
  ): Promise<Map<PciAddress, HostFunction>> {
    const held = taken.filter((one) => findTagOfAlias(one.alias) !== undefined).map((one) => one.address);
    const found = new Map(named);
    const missing = [...new Set(held)].filter((address) => !found.has(address));
    for (const [address, one] of await describeAll(client, missing, signal)) found.set(address, one);
    const members = [...found.values()].flatMap((one) => one.groupMembers);
    const others = [...new Set(members)].filter((address) => !found.has(address));
    for (const [address, one] of await describeAll(client, others, signal)) found.set(address, one);
    return new Map([...found].map(([address, one]) => [address, one.function]));
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
    unlessGone(LibvirtErrorCode.NO_DOMAIN, () =>
      unlessGone(LibvirtErrorCode.OPERATION_INVALID, async () =>
        parseDomainXml(await client.domainXml(domain, { inactive: true }, signal)),
      ),
    ),
  ]);
  return transients.some((one) => one.uuid === domain.uuid) ? undefined : persistent;
}

function configurationOf({ buses, functions, ledger }: DomainDescription): Configuration {
  return { buses: [...buses.values()], functions, ledger };
}

/**
 * Buses of which a plan must know more than the one free bus that an attach would take: those on record, and
 * those that a persistent attachment cannot have, because the configuration has given them to one already or
 * does not have them.
 */
function busesWithAMeaning(live: DomainDescription, persistent: DomainDescription | undefined): string[] {
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

function throwWhatFailed(
  code: "CONFIGURE_FAILED" | "UNCONFIGURE_FAILED",
  functions: readonly ConfiguredFunction[],
  domain: LibvirtDomain,
  failures: readonly unknown[],
): void {
  const first = failures.find((one) => one !== undefined);
  if (first === undefined) return;
  if (!(first instanceof LibvirtError)) throw first as Error;
  const failed = functions.filter((_one, index) => failures[index] !== undefined);
  const addresses = failed.map((one) => one.address);
  throw fail(code, { functions: addresses, guest: domain.name, reason: reasonOf(first) }, first);
}

async function describeAll(
  client: LibvirtClient,
  addresses: readonly PciAddress[],
  signal: AbortSignal,
): Promise<Map<PciAddress, NodeDeviceDescription>> {
  const all = await Promise.all(addresses.map((address) => describeFunction(client, address, signal)));
  return new Map(all.flatMap((one) => (one === undefined ? [] : [[one.function.address, one] as const])));
}

function describeFunction(
  client: LibvirtClient,
  address: PciAddress,
  signal: AbortSignal,
): Promise<NodeDeviceDescription | undefined> {
  return unlessGone(LibvirtErrorCode.NO_NODE_DEVICE, async () =>
    parseNodeDeviceXml(await client.nodeDeviceXml(nodeDeviceName(address), signal), address),
  );
}

function isLibvirtError(error: unknown, code: number): error is LibvirtError {
  return error instanceof LibvirtError && error.code === code;
}

function reasonOf(cause: unknown): string {
  return causeText(cause instanceof LibvirtError ? cause.libvirtMessage : cause);
}
