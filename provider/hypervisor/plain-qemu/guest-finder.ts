import { hasCode, providerError } from "../../errors";
import { findPciAddress, findPciSlotAddress } from "../../pci";
import type { GuestIdentity } from "../../plan";
import { isRecord, QmpDisconnectedError, type QmpMonitor } from "../../qmp";
import { findUuid, uuidOfSocket } from "./guest-uuid";
import type { FunctionFacts, HostFacts, PlacesByKey } from "../../host/facts";
import {
  findFunctionFacts,
  parseFactsOf,
  parseHostLook,
  parsePlacesOf,
  type HostLook,
  type SeenLedgerFile,
} from "./program/host-look";
import { parseOtherGuests, type OtherGuests } from "./other-guests";
import type { OperationRequests } from "./program/operation-requests";
import type { RecentGuests } from "./recent-guests";
import { SocketGuests, type MadeIn, type SocketGuest } from "./socket-guest";

/** What a {@link GuestFinder} works with. */
export interface GuestFinderParts {
  readonly requests: Pick<OperationRequests, "look">;
  readonly monitor: QmpMonitor;
  /** Path of the monitor's socket on the host. */
  readonly socket: string;
  readonly label: string;
  /** The guest that an attachment was made in: where another one answers by now, it is not there any more. */
  readonly guestUuid?: string;
  /**
   * What the state tells of that guest, where the guest at the socket is asked for, whichever it is by now.
   */
  readonly madeIn?: MadeIn;
  /** Told of the guest as soon as it is found, for the ledger. */
  readonly onGuest: (found: SocketGuest) => void;
  readonly recent: RecentGuests;
}

/** A look at the host, and which guest it is about. */
export interface FoundGuest {
  /** With the guest as it is known now in each of its ledger files. */
  readonly look: HostLook;
  readonly guest: GuestIdentity;
  readonly socketGuest: SocketGuest;
  readonly state: "answers" | "off" | "missing";
  /** Whether QEMU itself has said which guest it is. */
  readonly hasOwnUuid: boolean;
  /** The path in the state, where it is spelled otherwise and leads to the same socket. */
  readonly otherNames: readonly string[];
  /** What the host uses itself, if that was looked at. */
  readonly facts?: HostFacts;
  /** What guests have, if that was looked at. */
  readonly others?: OtherGuests;
  /** What there is to know of functions before they are taken, if that was looked at. */
  readonly functionFacts?: FunctionFacts;
}

/** What is looked at beside the socket, the functions and the ledger. */
export interface LookParts {
  /** What the host itself uses. */
  readonly hostUses?: boolean;
  /** What guests and containers have by way of the host's drivers. */
  readonly guests?: boolean;
  /** What there is to know of functions before they are taken. */
  readonly details?: boolean;
  /** `open`: who has VFIO's nodes open; `qemu`: also the process of the guest's QEMU, and what it may do. */
  readonly processes?: "open" | "qemu";
}

/** What QEMU says of itself: `off` if none answers; no UUID if it was given none. */
type QemuAnswer = "off" | { readonly uuid: string | undefined };

/** Which guest is behind the socket, and whether it is the one that an operation is about. */
export class GuestFinder {
  readonly #parts: GuestFinderParts;
  /** The guest that alone counts; undefined for whichever is behind the socket. */
  #expected: string | undefined;
  #guests: SocketGuests | undefined;
  #found: FoundGuest | undefined;

  constructor(parts: GuestFinderParts) {
    this.#parts = parts;
    this.#expected = parts.guestUuid;
  }

  /** From now on this guest alone counts, whichever is behind the socket. */
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
    const own = await this.#readUuid(signal);
    if (this.#guests?.isPresent(expected, own)) return;
    throw providerError("ANOTHER_GUEST", {
      guest: this.#parts.socket,
      expected,
      actual: own ?? "one that was given no UUID",
    });
  }

  /**
   * What is said of the socket decides whether QEMU is asked: that nobody listens is a fact, not a failure. A
   * look tells of the ledger what stands under this socket, and what it is asked for by UUID. So everything
   * is looked at once, and what turns out to stand elsewhere besides.
   */
  async find(addresses: readonly string[], parts: LookParts, signal: AbortSignal): Promise<FoundGuest> {
    const names = addresses.filter(
      (one) => findPciAddress(one) !== undefined || findPciSlotAddress(one) !== undefined,
    );
    const asked = this.#knownUuids();
    const first = await this.#readHost(parts, [...names, ...asked], signal);
    const otherNames = await this.#spellings(first.look, signal);
    const answer = await this.#askQemu(first.look, signal);
    const uuids = wantedUuids(first.look, answer, otherNames);
    const missing = uuids.filter((uuid) => !asked.has(uuid) && !hasFile(first.look, uuid));
    const isWhole = missing.length === 0 || !(await this.#haveFiles(missing, signal));
    const { look, facts, others, functionFacts } = isWhole
      ? first
      : await this.#readHost(parts, [...names, ...asked, ...missing], signal);
    const found = this.#whichGuest(look, answer, otherNames);
    this.#found = found;
    this.#parts.onGuest(found.socketGuest);
    this.#note(found);
    return {
      ...found,
      look: { ...look, ledger: withGuest(look.ledger, found) },
      ...(facts && { facts }),
      ...(others && { others }),
      ...(functionFacts && { functionFacts }),
    };
  }

  /** Where the host has devices of guests. */
  readonly findPlaces = async (keys: readonly string[], signal: AbortSignal): Promise<PlacesByKey> => {
    const records = await this.#parts.requests.look(`places ${keys.join(" ")}`, signal);
    return parsePlacesOf(records, this.#parts.label);
  };

  #note({ guest, socketGuest, look: { qemu } }: FoundGuest): void {
    const { recent, socket } = this.#parts;
    const uuids = [guest.uuid, ...socketGuest.otherUuids].filter((one) => one !== "");
    recent.note(socket, { uuids, ...(qemu && { pid: qemu.pid }) });
  }

  /** Whether one of these guests has a file in the ledger. */
  async #haveFiles(uuids: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { requests } = this.#parts;
    const files = await Promise.all(uuids.map((uuid) => requests.look(`ledger ${uuid}`, signal)));
    return files.some((records) => records.length > 0);
  }

  /** UUIDs that the guest may have, as far as anybody has said. */
  #knownUuids(): Set<string> {
    const { recent, socket, madeIn } = this.#parts;
    const { guest, socketGuest } = this.#found ?? {};
    const all = [this.#expected, madeIn?.guestUuid, guest?.uuid, ...(recent.find(socket)?.uuids ?? [])];
    const uuids = [...all, ...(socketGuest?.otherUuids ?? [])];
    return new Set(uuids.filter((one) => one !== undefined && findUuid(one) !== undefined) as string[]);
  }

  /** @throws QEMU_IS_LIBVIRTS */
  async #readHost(
    parts: LookParts,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<Pick<FoundGuest, "look" | "facts" | "others" | "functionFacts">> {
    const { requests, socket, label, recent } = this.#parts;
    const pid = parts.processes === "qemu" ? recent.find(socket)?.pid : undefined;
    const isOfHost = parts.hostUses === true && parts.guests === true;
    const known = isOfHost ? recent.findHost(socket) : undefined;
    const words = [
      wordOf(known ? { ...parts, hostUses: false, guests: false } : parts),
      socket,
      ...(pid === undefined ? [] : [`qemu=${pid}`]),
      ...names,
    ];
    const records = await requests.look(["look", ...words].join(" "), signal);
    const look = parseHostLook(records, label);
    if (look.qemu?.isLibvirts || isLibvirtsFolder(look.socketPath ?? ""))
      throw providerError("QEMU_IS_LIBVIRTS", { socket });
    if (pid !== undefined && look.qemu?.pid === pid && !look.monitorHolders.has(pid)) {
      recent.forgetProcess(socket);
      return this.#readHost(parts, names, signal);
    }
    const functionFacts = parts.details === true ? findFunctionFacts(records) : undefined;
    const details = functionFacts && { functionFacts };
    if (known !== undefined) return { look, ...known, ...details };
    const seen = {
      ...(parts.hostUses === true && { facts: parseFactsOf(records, label) }),
      ...(parts.guests === true && { others: parseOtherGuests(records, label) }),
    };
    const { facts, others } = seen;
    if (facts !== undefined && others !== undefined) recent.noteHost(socket, { facts, others });
    return { look, ...seen, ...details };
  }

  /** The path in the state, where it is spelled otherwise and leads to this socket all the same. */
  async #spellings(look: HostLook, signal: AbortSignal): Promise<string[]> {
    const { requests, socket, label, madeIn } = this.#parts;
    const before = madeIn?.socket;
    if (before === undefined || before === socket || look.socketPath === undefined) return [];
    const { socketPath } = parseHostLook(await requests.look(`look - ${before}`, signal), label);
    return socketPath === look.socketPath ? [before] : [];
  }

  /** Asks only if somebody listens. */
  async #askQemu(look: HostLook, signal: AbortSignal): Promise<QemuAnswer> {
    if (look.socket !== "listening") return "off";
    try {
      return { uuid: await this.#readUuid(signal) };
    } catch (cause) {
      if (!(await this.hasEnded(cause, signal))) throw cause;
      return "off";
    }
  }

  #whichGuest(look: HostLook, answer: QemuAnswer, otherNames: readonly string[]): FoundGuest {
    const { socket, madeIn } = this.#parts;
    const guests = new SocketGuests({ look, socket, spellings: otherNames, madeIn });
    this.#guests = guests;
    const expected = this.#expected;
    const found = (socketGuest: SocketGuest, state: FoundGuest["state"], hasOwnUuid = false): FoundGuest => ({
      ...{ look, otherNames, socketGuest, state, hasOwnUuid },
      guest: socketGuest.guest,
    });
    // of a guest that nobody knows, and that does not answer, nothing can be said
    if (answer === "off") return found(guests.absent(expected ?? guests.lastSeen ?? ""), "off");
    const { uuid } = answer;
    if (expected !== undefined && !guests.isPresent(expected, uuid))
      return found(guests.absent(expected), "missing");
    return found(guests.present(uuid, expected), "answers", uuid !== undefined);
  }

  /** Undefined where QEMU was given none. */
  async #readUuid(signal?: AbortSignal): Promise<string | undefined> {
    const answer = await this.#parts.monitor.execute("query-uuid", undefined, signal);
    return isRecord(answer) && typeof answer["UUID"] === "string" ? findUuid(answer["UUID"]) : undefined;
  }

  /** Whether QEMU has ended between the look at the host and the question that failed. */
  async hasEnded(cause: unknown, signal: AbortSignal): Promise<boolean> {
    if (!(cause instanceof QmpDisconnectedError) && !hasCode(cause, "QMP_SOCKET_UNREACHABLE")) return false;
    const { requests, socket } = this.#parts;
    const records = await requests.look(`look - ${socket}`, signal);
    return records.some(({ kind, text }) => kind === "socket" && text !== "listening");
  }
}

/** The parts of a look as the host program takes them. */
function wordOf({ hostUses, guests, details, processes }: LookParts): string {
  const words = [
    ...(hostUses === true ? ["host"] : []),
    ...(guests === true ? ["guests"] : []),
    ...(details === true ? ["details"] : []),
    ...(processes === undefined ? [] : [processes]),
  ];
  return words.length === 0 ? "-" : words.join(",");
}

function hasFile({ ledger }: HostLook, uuid: string): boolean {
  return ledger.some((file) => file.guest.uuid === uuid);
}

/**
 * UUIDs under which the guest's files may stand. What was made of this socket's own path is found by that; a
 * further spelling of it leads to none.
 */
function wantedUuids(
  { hostUuid }: HostLook,
  answer: QemuAnswer,
  spellings: readonly string[],
): readonly string[] {
  if (answer !== "off" && answer.uuid !== undefined) return [answer.uuid];
  return spellings.map((path) => uuidOfSocket(hostUuid, path));
}

/** The guest's own files under the one UUID that it is known by now. */
function withGuest(
  ledger: readonly SeenLedgerFile[],
  { guest, socketGuest }: Pick<FoundGuest, "guest" | "socketGuest">,
): SeenLedgerFile[] {
  const uuids = [guest.uuid, ...socketGuest.otherUuids];
  return ledger.map((file) => (uuids.includes(file.guest.uuid) ? { ...file, guest } : file));
}

/** Where libvirt keeps the monitors of its guests. */
function isLibvirtsFolder(path: string): boolean {
  return /^\/(?:var\/lib|run)\/libvirt\/|\/libvirt\/qemu\//.test(path);
}
