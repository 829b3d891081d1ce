import { hasCode, providerError } from "../../errors";
import { findPciAddress, findPciSlotAddress } from "../../pci";
import type { GuestIdentity } from "../../plan";
import { isRecord, QmpDisconnectedError, type QmpMonitor } from "../../qmp";
import { findUuid } from "./guest-uuid";
import { parseHostLook, type HostLook, type SeenLedgerFile } from "./program/host-look";
import type { HostRequests } from "./program/host-requests";
import { SocketGuests, type MadeIn, type SocketGuest } from "./socket-guest";

/** What a {@link GuestFinder} works with. */
export interface GuestFinderParts {
  readonly requests: Pick<HostRequests, "look">;
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
}

/** Which guest is behind the socket, and whether it is the one that an operation is about. */
export class GuestFinder {
  readonly #parts: GuestFinderParts;
  /** The guest that alone counts; undefined for whichever is behind the socket. */
  #expected: string | undefined;
  #guests: SocketGuests | undefined;

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
   * look tells of what the ledger has under this socket; what the guest was given while it had another takes
   * a second one.
   */
  async find(addresses: readonly string[], signal: AbortSignal): Promise<FoundGuest> {
    const { socket } = this.#parts;
    const names = addresses.filter(
      (one) => findPciAddress(one) !== undefined || findPciSlotAddress(one) !== undefined,
    );
    const look = await this.#readHost(names, signal);
    if (look.qemu?.isLibvirts || isLibvirtsFolder(look.socketPath ?? ""))
      throw providerError("QEMU_IS_LIBVIRTS", { socket });
    const found = await this.#whichGuest(look, await this.#spellings(look, signal), signal);
    this.#parts.onGuest(found.socketGuest);
    const seenWith = (file: SeenLedgerFile): boolean =>
      file.socket === socket || look.sameSocket.has(file.guest.uuid);
    const elsewhere = found.socketGuest.files
      .filter((file) => !seenWith(file))
      .flatMap((file) => file.entries.flatMap((entry) => entry.functions.map((one) => one.hostAddress)));
    const whole = elsewhere.length === 0 ? look : await this.#readHost([...names, ...elsewhere], signal);
    return { ...found, look: { ...whole, ledger: withGuest(whole.ledger, found) } };
  }

  async #readHost(names: readonly string[], signal: AbortSignal): Promise<HostLook> {
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

  async #whichGuest(look: HostLook, otherNames: readonly string[], signal: AbortSignal): Promise<FoundGuest> {
    const { socket, madeIn } = this.#parts;
    const guests = new SocketGuests({ look, socket, spellings: otherNames, madeIn });
    this.#guests = guests;
    const expected = this.#expected;
    const found = (socketGuest: SocketGuest, state: FoundGuest["state"], hasOwnUuid = false): FoundGuest => ({
      ...{ look, otherNames, socketGuest, state, hasOwnUuid },
      guest: socketGuest.guest,
    });
    // of a guest that nobody knows, and that does not answer, nothing can be said
    const off = (): FoundGuest => found(guests.absent(expected ?? guests.lastSeen ?? ""), "off");
    if (look.socket !== "listening") return off();
    try {
      const own = await this.#readUuid(signal);
      if (expected !== undefined && !guests.isPresent(expected, own))
        return found(guests.absent(expected), "missing");
      return found(guests.present(own, expected), "answers", own !== undefined);
    } catch (cause) {
      if (!(await this.hasEnded(cause, signal))) throw cause;
      return off();
    }
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
    const records = await requests.look(`look ${socket}`, signal);
    return records.some(({ kind, text }) => kind === "socket" && text !== "listening");
  }
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
