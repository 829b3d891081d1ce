import { causeText, fail } from "../../errors";
import type { Host, Identity, ObservationQuery } from "../../lifecycle";
import { LibvirtError, LibvirtErrorCode, type LibvirtClient, type LibvirtDomain } from "../../libvirt-rpc";
import {
  findHostUses,
  findPciAddress,
  findPciSlotAddress,
  FUNCTIONS_PER_SLOT,
  pciAddressOf,
  type HostFunction,
  type HostSurvey,
  type PciAddress,
  type PciSlotAddress,
} from "../../pci";
import { findTagOfAlias, findTagOfQemuId, type Observation } from "../../plan";
import { findProperty, listProperties, PERIPHERAL_PATH, type QmpMonitor } from "../../qmp";
import { surveyGuest, type GuestSurvey } from "../qemu";
import { retryBusyJob } from "./busy-job";
import { parseDomainXml, type DomainDescription } from "./domain-xml";
import { unassignedHostdev } from "./hostdev-xml";
import type { LibvirtSession } from "./libvirt-session";
import { nodeDeviceName, parseNodeDeviceXml, type NodeDeviceDescription } from "./node-device-xml";

/** virConnectListAllDomainsFlags: running guests only. */
const ACTIVE_DOMAINS = 1;

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

  constructor(parts: LibvirtHostParts) {
    this.#parts = parts;
  }

  async identify(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const client = await this.#parts.session.client(signal);
    const [hostUuid, domain, found] = await Promise.all([
      this.#parts.session.hostUuid(signal),
      this.#findDomain(client, signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    const groups = [...found.values()].flatMap((one) => one.function.iommuGroup ?? []);
    return {
      hostUuid,
      iommuGroups: [...new Set(groups)],
      ...(domain !== undefined && { guestUuid: domain.uuid }),
    };
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const client = await this.#parts.session.client(signal);
    // the slowest look, and nobody's condition: it runs beside the others until the end
    const surveying = Promise.resolve(query.forPlug ? this.#parts.survey(signal).then(findHostUses) : []);
    surveying.catch(() => undefined);
    const [hostUuid, domain, running, named] = await Promise.all([
      this.#parts.session.hostUuid(signal),
      this.#findDomain(client, signal),
      describeRunningGuests(client, signal),
      this.#describeFunctions(client, query.addresses, signal),
    ]);
    const own = running.find((one) => one.identity.uuid === domain?.uuid);
    const [functions, survey, hostUses] = await Promise.all([
      this.#withGroups(client, named, own, signal),
      domain === undefined || own === undefined
        ? undefined
        : this.#surveyGuest(client, domain, own, query.forPlug?.buses, signal),
      surveying,
    ]);
    return {
      hostUuid,
      guest: {
        name: domain?.name ?? this.#parts.guest,
        uuid: domain?.uuid ?? "",
        runState: survey?.runState ?? (domain === undefined ? "missing" : "off"),
        qemuVersion: survey?.qemuVersion ?? "",
      },
      buses: survey?.buses ?? [],
      plugged: survey?.plugged ?? [],
      functions,
      holdings: running.flatMap((one) => one.holdings),
      ledger: running.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry }))),
      hostUses,
    };
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
  async hold(address: PciAddress, alias: string, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#runningDomain();
    const xml = unassignedHostdev(address, alias);
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

  /**
   * QOM is asked first, each time: a release of a function that QEMU still has blocks libvirtd and all
   * its clients (libvirt.md, Concurrency).
   */
  async release(address: PciAddress, alias: string, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#runningDomain();
    try {
      await this.#refusePlugged(address, alias, signal);
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

  async #refusePlugged(address: PciAddress, alias: string, signal: AbortSignal): Promise<void> {
    const { monitor } = this.#parts;
    const tag = findTagOfAlias(alias);
    const devices = await listProperties(monitor, PERIPHERAL_PATH, signal);
    for (const { name } of devices) {
      if (findTagOfQemuId(name) !== tag) continue;
      const host = await findProperty(monitor, `${PERIPHERAL_PATH}/${name}`, "host", signal);
      if (typeof host === "string" && findPciAddress(host) === address)
        throw fail("STILL_PLUGGED", { address, guest: this.#runningDomain().name, qemuId: name });
    }
  }

  #runningDomain(): LibvirtDomain {
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
    const described = parseDomainXml(await client.domainXml(this.#runningDomain(), {}, signal));
    return described.holdings.some((one) => one.alias === alias);
  }

  async #hasEnded(client: LibvirtClient, signal: AbortSignal): Promise<boolean> {
    const { state } = await client.domainState(this.#runningDomain(), signal);
    return state === "shutoff" || state === "crashed";
  }

  async #surveyGuest(
    client: LibvirtClient,
    domain: LibvirtDomain,
    live: DomainDescription,
    plugBuses: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<GuestSurvey | undefined> {
    const persistent = await describePersistent(client, domain, signal);
    const reserved = (bus: string): readonly number[] => [
      ...(live.slotsByBus.get(bus) ?? []),
      ...(persistent?.slotsByBus.get(bus) ?? []),
    ];
    const recorded = live.ledger.map((entry) => entry.slot.bus);
    const plugBusesToAsk = plugBuses && [...plugBuses, ...recorded];
    try {
      return await surveyGuest(
        this.#parts.monitor,
        { reservedSlots: reserved, ...(plugBusesToAsk && { plugBuses: plugBusesToAsk }) },
        signal,
      );
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

  /** What the query named and the ledger names, with every member of every group of theirs. */
  async #withGroups(
    client: LibvirtClient,
    named: ReadonlyMap<PciAddress, NodeDeviceDescription>,
    own: DomainDescription | undefined,
    signal: AbortSignal,
  ): Promise<Map<PciAddress, HostFunction>> {
    const held = (own?.holdings ?? []).filter((one) => findTagOfAlias(one.alias) !== undefined);
    const found = new Map(named);
    const missing = held.map((one) => one.address).filter((address) => !found.has(address));
    for (const [address, one] of await describeAll(client, missing, signal)) found.set(address, one);
    const members = [...found.values()].flatMap((one) => one.groupMembers);
    const others = [...new Set(members)].filter((address) => !found.has(address));
    for (const [address, one] of await describeAll(client, others, signal)) found.set(address, one);
    return new Map([...found].map(([address, one]) => [address, one.function]));
  }
}

function functionsOf(slot: PciSlotAddress): PciAddress[] {
  return Array.from({ length: FUNCTIONS_PER_SLOT }, (_, n) => pciAddressOf(slot, n));
}

async function describeRunningGuests(
  client: LibvirtClient,
  signal: AbortSignal,
): Promise<DomainDescription[]> {
  const domains = await client.listDomains(ACTIVE_DOMAINS, signal);
  const described = await Promise.all(
    domains.map((domain) =>
      unlessGone(LibvirtErrorCode.NO_DOMAIN, async () =>
        parseDomainXml(await client.domainXml(domain, {}, signal)),
      ),
    ),
  );
  return described.filter((one) => one !== undefined);
}

/** Undefined for a transient guest, which has no persistent description. */
function describePersistent(
  client: LibvirtClient,
  domain: LibvirtDomain,
  signal: AbortSignal,
): Promise<DomainDescription | undefined> {
  return unlessGone(LibvirtErrorCode.OPERATION_INVALID, async () =>
    parseDomainXml(await client.domainXml(domain, { inactive: true }, signal)),
  );
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

async function unlessGone<T>(code: number, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isLibvirtError(error, code)) return undefined;
    throw error;
  }
}

function isLibvirtError(error: unknown, code: number): error is LibvirtError {
  return error instanceof LibvirtError && error.code === code;
}

function reasonOf(cause: unknown): string {
  return cause instanceof LibvirtError ? cause.libvirtMessage : causeText(cause);
}
