import type { GuestDevice, HostFacts } from "../../host/facts";
import type { ObservationQuery } from "../../apply";
import {
  isLibvirtError,
  LibvirtErrorCode,
  undefinedOnError,
  type LibvirtClient,
  type LibvirtDomain,
} from "../../libvirt-rpc";
import { romOptionsOf, type PciAddress } from "../../pci";
import { findTagOfAlias, withRecorded, type Configuration, type Observation } from "../../plan";
import type { QmpMonitor } from "../../qmp";
import { locateGuestDevices, type FindPlaces } from "../locate-guest-devices";
import { surveyGuest, type GuestSurvey } from "../qemu";
import { withSettledFacts, type ReadFunctionFacts } from "../read-function-facts";
import { readHostUses, type ObservedHost } from "../read-host-uses";
import { runStateBy } from "./domain-state";
import type { FoundDomain } from "./found-domain";
import { hasEnded } from "./has-ended";
import type { LibvirtSession } from "./libvirt-session";
import { describeOtherConfigurations, type OtherConfigurations } from "./other-configurations";
import { describeNamed, withGroups, type DescribedFunctions } from "./node-devices";
import type { PluggedFunctions } from "./plugged-functions";
import { describeGuests, toldUnread, type DescribedGuests } from "./running-guests";
import { parseDomainXml, type DomainDescription } from "./xml/domain-xml";

/** virConnectListAllDomainsFlags: guests without configuration only. */
const TRANSIENT_DOMAINS = 8;
/** The same: guests whose state is saved, and that go on from there when they are started. */
const SAVED_DOMAINS = 256;

/** What a {@link LibvirtObserver} works with. */
export interface LibvirtObserverParts {
  readonly session: LibvirtSession;
  readonly monitor: QmpMonitor;
  readonly domain: FoundDomain;
  readonly plugged: PluggedFunctions;
  readonly readHostFacts: (signal: AbortSignal) => Promise<HostFacts>;
  readonly readFunctionFacts?: ReadFunctionFacts | undefined;
  /** Default: on which functions the devices of guests are is not known. */
  readonly findPlaces?: FindPlaces;
}

/** What libvirt tells of the host and its guests. */
interface LibvirtDescriptions {
  /** Undefined from libvirt 8.3 on. */
  readonly olderVersion: string | undefined;
  readonly hostUuid: string;
  readonly domain: LibvirtDomain | undefined;
  /** The guest itself, if it runs. */
  readonly own: DomainDescription | undefined;
  /** The guest's configuration, if it has one. */
  readonly persistent: DomainDescription | undefined;
  readonly running: readonly DomainDescription[];
  readonly ledger: Observation["ledger"];
  readonly unread: DescribedGuests["unread"];
  /** The functions that the query names. */
  readonly named: DescribedFunctions;
}

/** What else decides what guests that are shut off have when they are started. */
interface NextStart extends OtherConfigurations {
  readonly hasSavedState: boolean;
}

/** Looks at everything that a plan needs to know of a guest and its libvirt host. */
export class LibvirtObserver {
  readonly #parts: LibvirtObserverParts;

  constructor(parts: LibvirtObserverParts) {
    this.#parts = parts;
  }

  /** @see Host.observe */
  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const client = await this.#parts.session.client(signal);
    // the slowest part, on which nothing else depends: it runs beside the others until the end
    const { readFunctionFacts } = this.#parts;
    const describing = this.#describe(client, query, signal);
    // made when they are asked for: of a promise that nobody waits for, a failure would end the process
    const devices = (): Promise<readonly GuestDevice[]> =>
      describing.then(({ running }) => running.flatMap((one) => one.guestDevices));
    const readers = {
      readHostFacts: () => this.#readFacts(devices(), signal),
      guestInterfaces: () => describing.then(({ own }) => own?.hostInterfaces ?? []),
      readFunctionFacts,
    };
    const readingUses = readHostUses(query, readers, signal);
    readingUses.catch(() => undefined);
    const described = await describing;
    throwUnread(described);
    const { forPlug } = query;
    const [functions, survey, uses, offGuests] = await Promise.all([
      withGroups(client, { named: described.named, further: ownAddresses(described) }, signal),
      this.#surveyGuest({ client, described, forPlug }, signal),
      readingUses,
      readOffGuests(client, { own: described.own, isAsked: forPlug?.offGuests === true }, signal),
    ]);
    if (survey !== undefined) this.#parts.plugged.excludeIdentified(survey, functions);
    const { domain } = described;
    const others = forPlug?.atNextStart === true;
    const nextStart =
      survey === undefined && domain !== undefined
        ? await readNextStart(client, { domain, others }, signal)
        : offGuests;
    const observation = this.#observationOf(described, { survey, nextStart }, { functions, ...uses });
    return withSettledFacts(observation, query, readFunctionFacts, signal);
  }

  /** The survey begins at once; where the guests' devices are is asked when libvirt has told of them. */
  async #readFacts(devices: Promise<readonly GuestDevice[]>, signal: AbortSignal): Promise<HostFacts> {
    const { readHostFacts, findPlaces } = this.#parts;
    const locating = devices.then((all) => locateGuestDevices(all, findPlaces, signal));
    const [facts, guestDevices] = await Promise.all([readHostFacts(signal), locating]);
    return { ...facts, guestDevices };
  }

  async #describe(
    client: LibvirtClient,
    query: ObservationQuery,
    signal: AbortSignal,
  ): Promise<LibvirtDescriptions> {
    const { session, domain: foundDomain } = this.#parts;
    const olderVersion = await session.olderVersion(signal);
    const [hostUuid, { domain, persistent }, { guests, unread }, named] = await Promise.all([
      session.hostUuid(signal),
      foundDomain.find(client, signal).then(async (found) => ({
        domain: found,
        persistent: found && (await describePersistent(client, found, signal)),
      })),
      // what an older libvirt's guest is held stays held when it ends
      describeGuests(client, olderVersion === undefined ? "running" : "all", signal),
      describeNamed(client, query.addresses, signal),
    ]);
    const running = guests.filter((one) => one.isRunning);
    const own = running.find((one) => one.identity.uuid === domain?.uuid);
    const ledger = guests.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry })));
    return { olderVersion, hostUuid, domain, own, persistent, running, ledger, unread, named };
  }

  /** Undefined if the guest does not run. */
  async #surveyGuest(
    { client, described, forPlug }: SurveyRequest,
    signal: AbortSignal,
  ): Promise<GuestSurvey | undefined> {
    const { own: live, persistent, olderVersion } = described;
    if (live === undefined) return undefined;
    const reserved = {
      reservedSlots: (bus: string) => live.slotsByBus.get(bus) ?? [],
      reservedAtBoot: (bus: string) => persistent?.slotsByBus.get(bus) ?? [],
    };
    const plugScope = forPlug && {
      plugBuses: [...forPlug.buses, ...busesToInspect(live, persistent)],
      ...(forPlug.everyBus !== undefined && { everyBus: forPlug.everyBus }),
    };
    // one for the attachment, and with an older libvirt for a moment a spare one
    const freeSlots = olderVersion === undefined ? 1 : 2;
    try {
      const [survey, state] = await Promise.all([
        surveyGuest(this.#parts.monitor, { ...reserved, ...plugScope, freeSlots }, signal),
        client.domainState(this.#parts.domain.get(), signal),
      ]);
      return { ...survey, runState: runStateBy(state, survey.runState) };
    } catch (error) {
      const isGone = isLibvirtError(error, LibvirtErrorCode.OPERATION_INVALID);
      if (isGone && (await hasEnded(client, this.#parts.domain.get(), signal))) return undefined;
      throw error;
    }
  }

  #observationOf(
    described: LibvirtDescriptions,
    found: GuestAsFound,
    host: Pick<Observation, "functions"> & ObservedHost,
  ): Observation {
    const { olderVersion, own, persistent, running, ledger } = described;
    const { survey, nextStart } = found;
    const { hostKeyFingerprint } = this.#parts.session;
    return {
      hostUuid: described.hostUuid,
      ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
      guest: this.#guestOf(described, found),
      buses: survey?.buses ?? persistent?.busesAtStart ?? [],
      // of what libvirt plugged itself, its own description tells the ROM
      plugged: (survey?.plugged ?? []).map((one) => ({
        ...one,
        ...romOptionsOf(own?.functions.find((other) => other.alias === one.qemuId) ?? {}),
      })),
      ...(survey && { unidentified: survey.unidentified }),
      holdings: withRecorded(
        running.flatMap((one) => one.holdings),
        olderVersion === undefined ? [] : ledger,
        host.functions,
      ),
      ledger,
      ...toldUnread([...described.unread, ...(nextStart?.unread ?? [])]),
      ...(nextStart && { configuredElsewhere: nextStart.configuredElsewhere }),
      ...host,
      plugsSingles: true,
      ...(persistent && { configuration: configurationOf(persistent, olderVersion !== undefined) }),
      ...(olderVersion !== undefined && {
        olderLibvirt: { version: olderVersion },
        ledgerLocation: "domain" as const,
      }),
    };
  }

  #guestOf(described: LibvirtDescriptions, { survey, nextStart }: GuestAsFound): Observation["guest"] {
    const { domain, own, persistent } = described;
    const virtualIommu = survey === undefined ? persistent?.virtualIommu : survey.virtualIommu;
    return {
      name: domain?.name ?? this.#parts.domain.guest,
      uuid: domain?.uuid ?? "",
      runState: survey?.runState ?? (domain === undefined ? "missing" : "off"),
      qemuVersion: survey?.qemuVersion ?? "",
      ...(survey && { machine: survey.machine }),
      ...(nextStart?.hasSavedState && { hasSavedState: true }),
      ...(own?.memoryBytes !== undefined && { memoryBytes: own.memoryBytes }),
      ...(own?.hardLimitBytes !== undefined && { hardLimitBytes: own.hardLimitBytes }),
      ...(virtualIommu !== undefined && { virtualIommu }),
    };
  }
}

/**
 * The guest itself as it runs, and what decides about a next start: its own, or that of guests that are off.
 */
interface GuestAsFound {
  readonly survey: GuestSurvey | undefined;
  readonly nextStart: NextStart | undefined;
}

interface SurveyRequest {
  readonly client: LibvirtClient;
  readonly described: LibvirtDescriptions;
  readonly forPlug: ObservationQuery["forPlug"];
}

/**
 * Functions that the guest has or is to have of ours; with an older libvirt also those that its ledger names.
 */
function ownAddresses({ olderVersion, domain, own, persistent, ledger }: LibvirtDescriptions): PciAddress[] {
  const tagged = [...(own?.functions ?? []), ...(persistent?.functions ?? [])].filter(
    (one) => findTagOfAlias(one.alias) !== undefined,
  );
  const detached =
    olderVersion === undefined ? [] : ledger.filter((line) => line.guest.uuid === domain?.uuid);
  return [...tagged, ...detached.flatMap((line) => line.entry.functions)].map((one) => one.hostAddress);
}

/**
 * Undefined for a transient guest, of which libvirt would show the live description in place of one, and for
 * a guest that is undefined meanwhile.
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

/** Of a guest that runs: what those that do not would get. */
async function readOffGuests(
  client: LibvirtClient,
  { own, isAsked }: Pick<LibvirtDescriptions, "own"> & { readonly isAsked: boolean },
  signal: AbortSignal,
): Promise<NextStart | undefined> {
  if (own === undefined || !isAsked) return undefined;
  const others = { ownUuid: own.identity.uuid, which: "off" } as const;
  return { ...(await describeOtherConfigurations(client, others, signal)), hasSavedState: false };
}

async function readNextStart(
  client: LibvirtClient,
  { domain, others }: { readonly domain: LibvirtDomain; readonly others: boolean },
  signal: AbortSignal,
): Promise<NextStart> {
  const [saved, configurations] = await Promise.all([
    client.listDomains(SAVED_DOMAINS, signal),
    others
      ? describeOtherConfigurations(client, { ownUuid: domain.uuid, which: "all" }, signal)
      : { configuredElsewhere: [], unread: [] },
  ]);
  return { ...configurations, hasSavedState: saved.some((one) => one.uuid === domain.uuid) };
}

/** What is not known of the guest itself cannot be changed. */
function throwUnread({ domain, persistent, unread }: LibvirtDescriptions): void {
  const cause = unread.find((one) => one.guest.uuid === domain?.uuid)?.cause ?? persistent?.unreadLedger;
  if (cause !== undefined) throw cause;
}

/** With an older libvirt, an entry stands for both, and those of all guests are read: it is told once. */
function configurationOf(
  { buses, functions, ledger }: DomainDescription,
  isToldElsewhere: boolean,
): Configuration {
  return { buses: [...buses.values()], functions, ledger: isToldElsewhere ? [] : ledger };
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
    ...persistent.functions.flatMap((one) => one.guestAddress?.bus ?? []),
    ...[...live.buses.values()].filter((bus) => !atBoot.has(bus)),
  ];
}
