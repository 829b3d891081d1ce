import { causeText, providerError, hasCode } from "../../errors";
import type { HoldRequest, Host, Identity, ObservationQuery } from "../../apply";
import { findPciAddress, findPciSlotAddress, type PciAddress } from "../../pci";
import type { HostFunction } from "../../host/facts";
import type { HostFacts } from "../../host/uses";
import type { GuestIdentity, Observation } from "../../plan";
import { isRecord, QmpDisconnectedError, type QmpMonitor } from "../../qmp";
import { readHostUses } from "../read-host-uses";
import { surveyGuest, type GuestSurvey } from "../qemu";
import { Batcher } from "../../async/batcher";
import { qemuLimitsOf } from "./qemu-limits";
import { findUuid } from "./guest-uuid";
import type { HostFolders } from "./program/host-folders";
import { parseFunctions, parseHostLook, type HostLook, type SeenLedgerFile } from "./program/host-look";
import type { HostRequests } from "./program/host-requests";
import { relevantFunctions, holdingsOf, isNamed } from "./own-functions";
import { isDriverName, ledgerUnreadableError } from "./ledger-file";
import { SocketGuests, type MadeIn, type SocketGuest } from "./socket-guest";

/** What {@link PlainHost} is made of. */
export interface PlainHostParts {
  readonly requests: Pick<HostRequests, "look" | "change">;
  readonly monitor: QmpMonitor;
  /** Path of the monitor's socket on the host. */
  readonly socket: string;
  readonly folders: HostFolders;
  readonly label: string;
  readonly hostKeyFingerprint?: string;
  /** The guest that an attachment was made in: where another one answers by now, it is not there any more. */
  readonly guestUuid?: string;
  /** What the state tells of that guest, where the guest at the socket is asked for, whichever it is by now. */
  readonly madeIn?: MadeIn;
  /** Told of the guest as soon as it is found, for the ledger. */
  readonly onGuest: (found: SocketGuest) => void;
  /** Told by each look at everything what this guest's ledger is; a short look comes before the locks, and tells nothing. */
  readonly onLedger: (found: SocketGuest) => void;
  readonly readHostFacts: (signal: AbortSignal) => Promise<HostFacts>;
}

/** A look at the host, and which guest it is about. */
interface Found {
  /** With the guest as it is known now in each of its ledger files. */
  readonly look: HostLook;
  readonly guest: GuestIdentity;
  readonly socketGuest: SocketGuest;
  readonly state: "answers" | "off" | "missing";
  /** Whether QEMU itself has said which guest it is. */
  readonly hasOwnUuid: boolean;
  /** The path in the state, where it is spelled otherwise and leads to the same socket. */
  readonly otherNames: readonly string[];
}

/** Root's own request for a driver: whichever takes the function. */
const ANY_DRIVER = "?";
const NO_DRIVER = "-";

/**
 * A host on which nobody but this provider keeps functions for a guest: QEMU was started by hand, by systemd or by
 * Proxmox VE. What is held is what the ledger names and vfio-pci has.
 */
export class PlainHost implements Host {
  /** All functions of a plan are bound in one command. */
  readonly firstHold = "with-others";
  readonly #parts: PlainHostParts;
  /** Drivers to go back to, by the ledger as it was last looked at. */
  #drivers: ReadonlyMap<PciAddress, string | undefined> = new Map();
  #isLimited = false;
  /** The guest that alone counts; undefined for whichever is behind the socket. */
  #expected: string | undefined;
  #guests: SocketGuests | undefined;
  readonly #holds: Batcher<PciAddress>;
  readonly #releases: Batcher<PciAddress>;

  constructor(parts: PlainHostParts) {
    this.#parts = parts;
    this.#expected = parts.guestUuid;
    this.#holds = new Batcher((addresses, signal) => this.#bind(addresses, signal));
    this.#releases = new Batcher((addresses, signal) =>
      this.#release(
        addresses.map((hostAddress) => [hostAddress, this.#driverOf(hostAddress)] as const),
        signal,
      ),
    );
  }

  async readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const { look, guest, socketGuest } = await this.#find(query.addresses, signal);
    const named = [...look.functions.values()].filter(({ hostAddress }) =>
      isNamed(query.addresses, hostAddress),
    );
    const iommuGroups = [...new Set(named.flatMap((one) => one.iommuGroup ?? []))];
    const { otherUuids } = socketGuest;
    return {
      iommuGroups,
      ...(guest.uuid !== "" && { guestUuid: guest.uuid }),
      ...(otherUuids.length > 0 && { otherUuids }),
    };
  }

  keepTo(guestUuid: string): void {
    this.#expected = guestUuid;
  }

  /**
   * Before QEMU is asked to change something: another one may be behind the socket by now.
   *
   * @throws ANOTHER_GUEST
   */
  async requireSameGuest(signal?: AbortSignal): Promise<void> {
    const expected = this.#expected;
    if (expected === undefined) return;
    const own = await this.#askUuid(signal);
    if (this.#guests?.isPresent(expected, own)) return;
    throw providerError("ANOTHER_GUEST", {
      guest: this.#parts.socket,
      expected,
      actual: own ?? "one that was given no UUID",
    });
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    // the slowest look, and nobody's condition: it runs beside the others until the end
    const surveying = readHostUses(query, () => this.#parts.readHostFacts(signal));
    surveying.catch(() => undefined);
    const found = await this.#find(query.addresses, signal);
    const seen = found.state === "answers" ? await this.#surveyGuest(found, query, signal) : undefined;
    const { look, guest, socketGuest, otherNames } = found;
    this.#parts.onLedger(socketGuest);
    const ledger = look.ledger.flatMap((file) => file.entries.map((entry) => ({ guest: file.guest, entry })));
    this.#drivers = new Map(
      ledger.flatMap(({ entry }) => entry.functions.map((one) => [one.hostAddress, one.hostDriver] as const)),
    );
    const functions = relevantFunctions(look, query.addresses, guest);
    // a list of what there is changes nothing, and shows who holds it
    if (query.forPlug?.everyBus !== true) requireReadable(look, functions);
    const groups = [...new Set([...functions.values()].flatMap((one) => one.iommuGroup ?? []))];
    const qemuLimits = qemuLimitsOf(look, this.#parts.folders.vfio, groups);
    this.#isLimited = (qemuLimits?.user ?? "root") !== "root";
    const { hostKeyFingerprint } = this.#parts;
    return {
      hostUuid: look.hostUuid,
      ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
      guest: {
        ...guest,
        ...(socketGuest.otherUuids.length > 0 && { otherUuids: socketGuest.otherUuids }),
        ...(otherNames.length > 0 && { otherNames }),
        ...(!found.hasOwnUuid && { knownBy: found.state === "answers" ? "host" : "record" }),
        runState: seen?.runState ?? (found.state === "missing" ? "missing" : "off"),
        qemuVersion: seen?.qemuVersion ?? "",
        ...(seen && { memoryBytes: seen.memoryBytes, machine: seen.machine }),
      },
      buses: seen?.buses ?? [],
      plugged: seen?.plugged ?? [],
      ...(seen && { unidentified: seen.unidentified }),
      functions,
      holdings: holdingsOf(look, ledger, seen, guest),
      ledger,
      ledgerLocation: "host",
      ...(await surveying),
      ...(seen && qemuLimits && { qemuLimits }),
    };
  }

  async heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { holdings, guest } = await this.observe({ addresses: [] }, signal);
    return new Set(holdings.filter((one) => one.guest.uuid === guest.uuid).map((one) => one.alias));
  }

  hold({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#holds.add(hostAddress, signal);
  }

  release({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#releases.add(hostAddress, signal);
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#release([[hostAddress, ANY_DRIVER]], signal);
  }

  async readFunctions(
    addresses: readonly PciAddress[],
    signal: AbortSignal,
  ): Promise<readonly HostFunction[]> {
    if (addresses.length === 0) return [];
    const records = await this.#parts.requests.look(`functions ${addresses.join(" ")}`, signal);
    return [...parseFunctions(records, this.#parts.label).values()];
  }

  #driverOf(hostAddress: PciAddress): string {
    const driver = this.#drivers.get(hostAddress);
    if (driver === undefined) return this.#drivers.has(hostAddress) ? NO_DRIVER : ANY_DRIVER;
    return isDriverName(driver) ? driver : ANY_DRIVER;
  }

  async #bind(addresses: readonly PciAddress[], signal: AbortSignal): Promise<void> {
    const wait = this.#isLimited ? "settle" : "go";
    try {
      await this.#parts.requests.change(`bind ${wait} ${addresses.join(" ")}`, signal);
    } catch (cause) {
      if (!hasCode(cause, "HOST_PROGRAM_FAILED")) throw cause;
      throw providerError("BIND_FAILED", { functions: addresses, reason: causeText(cause) }, cause);
    }
  }

  async #release(pairs: readonly (readonly [PciAddress, string])[], signal: AbortSignal): Promise<void> {
    const request = pairs.map(([hostAddress, driver]) => `${hostAddress}=${driver}`).join(" ");
    const records = await this.#parts.requests
      .change(`release ${request}`, signal)
      .catch((cause: unknown) => {
        if (!hasCode(cause, "HOST_PROGRAM_FAILED")) throw cause;
        throw providerError(
          "UNBIND_FAILED",
          { functions: pairs.map(([one]) => one), reason: causeText(cause) },
          cause,
        );
      });
    const busy = records.find((one) => one.kind === "busy")?.text.split(" ");
    if (busy === undefined) return;
    const [address = "", pid = "", ...command] = busy;
    throw providerError("FUNCTION_STILL_OPEN", {
      hostAddress: address,
      process: `${pid} (${command.join(" ")})`,
    });
  }

  /**
   * What is said of the socket decides whether QEMU is asked: that nobody listens is a fact, not a failure. A look tells
   * of what the ledger has under this socket; what the guest was given while it had another takes a second one.
   */
  async #find(addresses: readonly string[], signal: AbortSignal): Promise<Found> {
    const { socket } = this.#parts;
    const names = addresses.filter(
      (one) => findPciAddress(one) !== undefined || findPciSlotAddress(one) !== undefined,
    );
    const look = await this.#lookFor(names, signal);
    if (look.qemu?.isLibvirts || isLibvirtsFolder(look.socketPath ?? ""))
      throw providerError("QEMU_IS_LIBVIRTS", { socket });
    const found = await this.#whichGuest(look, await this.#spellings(look, signal), signal);
    this.#parts.onGuest(found.socketGuest);
    const seenWith = (file: SeenLedgerFile): boolean =>
      file.socket === socket || look.sameSocket.has(file.guest.uuid);
    const elsewhere = found.socketGuest.files
      .filter((file) => !seenWith(file))
      .flatMap((file) => file.entries.flatMap((entry) => entry.functions.map((one) => one.hostAddress)));
    const whole = elsewhere.length === 0 ? look : await this.#lookFor([...names, ...elsewhere], signal);
    return { ...found, look: { ...whole, ledger: withGuest(whole.ledger, found) } };
  }

  async #lookFor(names: readonly string[], signal: AbortSignal): Promise<HostLook> {
    const { requests, socket, label } = this.#parts;
    return parseHostLook(await requests.look(["look", socket, ...names].join(" "), signal), label);
  }

  /** The path in the state, where it is spelled otherwise and leads to this socket all the same. */
  async #spellings(look: HostLook, signal: AbortSignal): Promise<string[]> {
    const { requests, socket, label, madeIn } = this.#parts;
    const before = madeIn?.socket;
    if (before === undefined || before === socket || look.socketPath === undefined) return [];
    const { socketPath } = parseHostLook(await requests.look(`look ${before}`, signal), label);
    return socketPath === look.socketPath ? [before] : [];
  }

  async #whichGuest(look: HostLook, otherNames: readonly string[], signal: AbortSignal): Promise<Found> {
    const { socket, madeIn } = this.#parts;
    const guests = new SocketGuests({ look, socket, spellings: otherNames, madeIn });
    this.#guests = guests;
    const expected = this.#expected;
    const found = (socketGuest: SocketGuest, state: Found["state"], hasOwnUuid = false): Found => ({
      ...{ look, otherNames, socketGuest, state, hasOwnUuid },
      guest: socketGuest.guest,
    });
    // of a guest that nobody knows, and that does not answer, nothing can be said
    const off = (): Found => found(guests.absent(expected ?? guests.lastSeen ?? ""), "off");
    if (look.socket !== "listening") return off();
    try {
      const own = await this.#askUuid(signal);
      if (expected !== undefined && !guests.isPresent(expected, own))
        return found(guests.absent(expected), "missing");
      return found(guests.present(own, expected), "answers", own !== undefined);
    } catch (cause) {
      if (!(await this.#hasEnded(cause, signal))) throw cause;
      return off();
    }
  }

  /** Undefined where QEMU was given none. */
  async #askUuid(signal?: AbortSignal): Promise<string | undefined> {
    const answer = await this.#parts.monitor.execute("query-uuid", undefined, signal);
    return isRecord(answer) && typeof answer["UUID"] === "string" ? findUuid(answer["UUID"]) : undefined;
  }

  /** Whether QEMU has ended between the look and the question. */
  async #hasEnded(cause: unknown, signal: AbortSignal): Promise<boolean> {
    if (!(cause instanceof QmpDisconnectedError) && !hasCode(cause, "QMP_SOCKET_UNREACHABLE")) return false;
    const { requests, socket } = this.#parts;
    const records = await requests.look(`look ${socket}`, signal);
    return records.some(({ kind, text }) => kind === "socket" && text !== "listening");
  }

  async #surveyGuest(
    { look, guest }: Found,
    query: ObservationQuery,
    signal: AbortSignal,
  ): Promise<(GuestSurvey & { readonly memoryBytes: number }) | undefined> {
    const { monitor } = this.#parts;
    const recorded = look.ledger
      .filter((file) => file.guest.uuid === guest.uuid)
      .flatMap((file) => file.entries.map((entry) => entry.slot.bus));
    const { forPlug } = query;
    const toAsk = forPlug && {
      plugBuses: [...forPlug.buses, ...recorded],
      ...(forPlug.everyBus !== undefined && { everyBus: forPlug.everyBus }),
    };
    try {
      const [survey, memoryBytes] = await Promise.all([
        surveyGuest(monitor, { reservedSlots: () => [], ...toAsk }, signal),
        askMemory(monitor, signal),
      ]);
      return { ...survey, memoryBytes };
    } catch (cause) {
      if (await this.#hasEnded(cause, signal)) return undefined;
      throw cause;
    }
  }
}

/** What is not understood of the ledger may be all that keeps a function for its owner, and tells what it goes back to. */
function requireReadable(look: HostLook, functions: ReadonlyMap<PciAddress, HostFunction>): void {
  for (const { name, unread } of look.ledger)
    for (const { addresses } of unread) {
      const hostAddress = addresses.find((one) => functions.has(one));
      if (hostAddress !== undefined)
        throw ledgerUnreadableError(name, `its entry with ${hostAddress} does not have its form`);
    }
}

/** The guest's own files under the one UUID that it is known by now. */
function withGuest(
  ledger: readonly SeenLedgerFile[],
  { guest, socketGuest }: Pick<Found, "guest" | "socketGuest">,
): SeenLedgerFile[] {
  const uuids = [guest.uuid, ...socketGuest.otherUuids];
  return ledger.map((file) => (uuids.includes(file.guest.uuid) ? { ...file, guest } : file));
}

async function askMemory(monitor: QmpMonitor, signal: AbortSignal): Promise<number> {
  const summary = await monitor.execute("query-memory-size-summary", undefined, signal);
  const sizes = isRecord(summary) ? [summary["base-memory"], summary["plugged-memory"]] : [];
  return sizes.reduce<number>((sum, one) => sum + (typeof one === "number" ? one : 0), 0);
}

/** Where libvirt keeps the monitors of its guests. */
function isLibvirtsFolder(path: string): boolean {
  return /^\/(?:var\/lib|run)\/libvirt\/|\/libvirt\/qemu\//.test(path);
}
