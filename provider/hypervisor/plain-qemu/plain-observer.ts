import type { ObservationQuery } from "../../apply";
import type { HostFunction, HostFacts } from "../../host/facts";
import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import { isRecord, type QmpMonitor } from "../../qmp";
import { locateGuestDevices } from "../locate-guest-devices";
import { surveyGuest, type GuestSurvey } from "../qemu";
import { withSettledFacts, type ReadFunctionFacts } from "../read-function-facts";
import { readHostUses } from "../read-host-uses";
import type { FoundGuest, GuestFinder, LookParts } from "./guest-finder";
import type { BoundFunctions } from "./holding/bound-functions";
import { ledgerUnreadableError } from "./ledger-file";
import { holdingsOf, relevantFunctions } from "./own-functions";
import type { HostFolders } from "./program/host-folders";
import type { HostLook } from "./program/host-look";
import { accountOf } from "./program/operation-requests";
import { qemuLimitsOf } from "./qemu-limits";
import type { RecentGuests } from "./recent-guests";
import type { SocketGuest } from "./socket-guest";

/** What a {@link PlainObserver} works with. */
export interface PlainObserverParts {
  readonly guests: GuestFinder;
  readonly monitor: QmpMonitor;
  readonly folders: HostFolders;
  readonly label: string;
  readonly socket: string;
  readonly hostKeyFingerprint?: string;
  readonly bound: BoundFunctions;
  /**
   * Told by each look at everything what this guest's ledger is; a short look comes before the locks, and
   * tells nothing.
   */
  readonly onLedger: (found: SocketGuest) => void;
  /** In place of reading them again, if the caller has read them already. */
  readonly readHostFacts?: (signal: AbortSignal) => Promise<HostFacts>;
  /** Asked where a look at the guest did not tell of the host. */
  readonly surveyHost?: (signal: AbortSignal) => Promise<HostFacts>;
  readonly readFunctionFacts?: ReadFunctionFacts;
  /** Whether a look at the guest tells of its functions as well. Default: no, the caller knows of them. */
  readonly looksAtDetails?: boolean;
  readonly recent: RecentGuests;
}

/** A survey of the guest, and how much memory it has. */
type SurveyWithMemory = GuestSurvey & { readonly memoryBytes: number };

/** Looks at everything that a plan needs to know of a guest and its host without libvirt. */
export class PlainObserver {
  readonly #parts: PlainObserverParts;

  constructor(parts: PlainObserverParts) {
    this.#parts = parts;
  }

  /** @see Host.observe */
  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const { readHostFacts, readFunctionFacts, looksAtDetails = false, recent } = this.#parts;
    const isForPlug = query.forPlug !== undefined;
    const isForChange = isForPlug || query.forUnplug === true;
    const parts: LookParts = {
      hostUses: isForPlug && readHostFacts === undefined,
      guests: isForPlug,
      details: isForPlug && looksAtDetails && recent.findFunctions(query.addresses) === undefined,
      processes: isForChange ? "qemu" : "open",
    };
    const found = await this.#parts.guests.find(query.addresses, parts, signal);
    if (found.functionFacts) recent.noteFunctions(query.addresses, found.functionFacts);
    const readers = {
      readHostFacts: () => this.#readFacts(found, signal),
      guestInterfaces: () => Promise.resolve(found.state === "answers" ? found.look.taps : []),
      ...(readFunctionFacts && { readFunctionFacts: this.#recently(readFunctionFacts) }),
    };
    const readingUses = readHostUses(query, readers, signal);
    readingUses.catch(() => undefined);
    const survey = found.state === "answers" ? await this.#surveyGuest(found, query, signal) : undefined;
    const { look, guest } = found;
    this.#parts.onLedger(found.socketGuest);
    const ledger = look.ledger.flatMap((file) => file.entries.map((entry) => ({ guest: file.guest, entry })));
    const functions = relevantFunctions(look, query.addresses, guest);
    const groups = [...new Set([...functions.values()].flatMap((one) => one.iommuGroup ?? []))];
    const qemuLimits = qemuLimitsOf(look, this.#parts.folders.vfio, groups);
    const isLimited = (qemuLimits?.user ?? "root") !== "root";
    this.#parts.bound.update({ entries: ledger.map((line) => line.entry), isLimited });
    // a list of what there is changes nothing, and shows who holds it
    if (query.forPlug?.everyBus !== true) requireReadable(look, functions);
    const { hostKeyFingerprint } = this.#parts;
    const observation: Observation = {
      hostUuid: look.hostUuid,
      ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
      guest: guestOf(found, survey),
      buses: survey?.buses ?? [],
      plugged: survey?.plugged ?? [],
      ...(survey && { unidentified: survey.unidentified }),
      functions,
      holdings: holdingsOf({ look, ledger, survey, guest }),
      ledger,
      ledgerLocation: "host",
      ...(await readingUses),
      ...(query.forPlug?.offGuests === true && survey && configuredElsewhere(found)),
      ...(survey && qemuLimits && { qemuLimits }),
      ...this.#hostListOf(look),
    };
    return withSettledFacts(observation, query, readFunctionFacts, signal);
  }

  /** What the look of a moment ago has told is not asked again. */
  #recently(read: ReadFunctionFacts): ReadFunctionFacts {
    const { recent } = this.#parts;
    return async (names, signal) => {
      const known = recent.findFunctions(names);
      if (known !== undefined) return known;
      const facts = await read(names, signal);
      recent.noteFunctions(names, facts);
      return facts;
    };
  }

  /** With what guests have by way of the host's drivers. */
  async #readFacts({ facts, others }: FoundGuest, signal: AbortSignal): Promise<HostFacts | undefined> {
    const { guests, readHostFacts, surveyHost } = this.#parts;
    const locating = locateGuestDevices(others?.devices ?? [], guests.findPlaces, signal);
    const read = readHostFacts ?? surveyHost;
    const [found, { located, unlocated }] = await Promise.all([facts ?? read?.(signal), locating]);
    return found && { ...found, guestDevices: { located: [...(others?.open ?? []), ...located], unlocated } };
  }

  #hostListOf({ unlisted }: HostLook): Pick<Observation, "hostList"> {
    const { label, socket } = this.#parts;
    if (unlisted.size === 0) return {};
    return { hostList: { target: label, account: accountOf(label), socket, unlisted } };
  }

  /** Undefined if QEMU has ended. */
  async #surveyGuest(
    { look, guest }: FoundGuest,
    query: ObservationQuery,
    signal: AbortSignal,
  ): Promise<SurveyWithMemory | undefined> {
    const { monitor } = this.#parts;
    const recorded = look.ledger
      .filter((file) => file.guest.uuid === guest.uuid)
      .flatMap((file) => file.entries.map((entry) => entry.slot.bus));
    const { forPlug } = query;
    const plugScope = forPlug && {
      plugBuses: [...forPlug.buses, ...recorded],
      ...(forPlug.everyBus !== undefined && { everyBus: forPlug.everyBus }),
    };
    try {
      const [survey, memoryBytes] = await Promise.all([
        surveyGuest(monitor, { reservedSlots: () => [], ...plugScope }, signal),
        readMemory(monitor, signal),
      ]);
      return { ...survey, memoryBytes };
    } catch (cause) {
      if (await this.#parts.guests.hasEnded(cause, signal)) return undefined;
      throw cause;
    }
  }
}

function configuredElsewhere({ others }: FoundGuest): Pick<Observation, "configuredElsewhere"> {
  return { configuredElsewhere: others?.configuredElsewhere ?? [] };
}

function guestOf(found: FoundGuest, survey: SurveyWithMemory | undefined): Observation["guest"] {
  const { guest, socketGuest, otherNames, hasOwnUuid, state } = found;
  return {
    ...guest,
    ...(socketGuest.otherUuids.length > 0 && { otherUuids: socketGuest.otherUuids }),
    ...(otherNames.length > 0 && { otherNames }),
    ...(!hasOwnUuid && { knownBy: state === "answers" ? "host" : "record" }),
    runState: survey?.runState ?? (state === "missing" ? "missing" : "off"),
    qemuVersion: survey?.qemuVersion ?? "",
    ...(survey && { memoryBytes: survey.memoryBytes, machine: survey.machine }),
    ...(survey?.virtualIommu !== undefined && { virtualIommu: survey.virtualIommu }),
  };
}

/**
 * What is not understood of the ledger may be all that keeps a function for its owner, and tells what it goes
 * back to.
 */
function requireReadable(look: HostLook, functions: ReadonlyMap<PciAddress, HostFunction>): void {
  for (const { name, unread } of look.ledger)
    for (const { addresses } of unread) {
      const hostAddress = addresses.find((one) => functions.has(one));
      if (hostAddress !== undefined)
        throw ledgerUnreadableError(name, `its entry with ${hostAddress} does not have its form`);
    }
}

async function readMemory(monitor: QmpMonitor, signal: AbortSignal): Promise<number> {
  const summary = await monitor.execute("query-memory-size-summary", undefined, signal);
  const sizes = isRecord(summary) ? [summary["base-memory"], summary["plugged-memory"]] : [];
  return sizes.reduce<number>((sum, one) => sum + (typeof one === "number" ? one : 0), 0);
}
