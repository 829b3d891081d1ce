import type { GuestIdentity } from "../../plan";
import { uuidOfSocket } from "./guest-uuid";
import type { HostLook, SeenLedgerFile } from "./program/host-look";

/** Which of the ledger's files one is: the guest in its name, and the socket that stands in it. */
export type LedgerFileName = Pick<SeenLedgerFile, "guest" | "socket">;

/** A file, and where the guest's monitor really is if the file is that of the guest that was looked at. */
export type LedgerFileToWrite = LedgerFileName & { readonly path?: string };

/** What a state tells of the guest that an attachment was made in. */
export interface MadeIn {
  readonly guestUuid: string;
  /** The socket's path as the state has it; the arguments may spell it otherwise by now. */
  readonly socket?: string;
}

/** The guest of a socket, and where its ledger stands. */
export interface SocketGuest {
  readonly guest: GuestIdentity;
  /** Further UUIDs of the same guest; only of a QEMU that was given none. */
  readonly otherUuids: readonly string[];
  /**
   * Its files, as they are named on the host; more than one where releases have known it by several UUIDs.
   */
  readonly files: readonly SeenLedgerFile[];
  /** The file for a guest that has none yet. */
  readonly home: LedgerFileToWrite;
}

/** What is asked of {@link SocketGuests}. */
export interface SocketGuestsParts {
  readonly look: Pick<HostLook, "hostUuid" | "socketPath" | "ledger" | "sameSocket">;
  /** The socket's path as it was written. */
  readonly socket: string;
  /** Other paths that lead to the same socket now. */
  readonly spellings?: readonly string[];
  readonly madeIn?: MadeIn | undefined;
}

/**
 * Which guest a socket is. A QEMU that was given a UUID is known by it. One without is known by host and
 * socket: by the path without links, whatever way was written. Up to 0.1.0 it was by the path as it was
 * written, so each known spelling gives a UUID of the same guest as well:
 * docs/internals/decisions/0072-which-guest-a-socket-is.md.
 */
export class SocketGuests {
  readonly #parts: SocketGuestsParts;
  readonly #path: string;
  /** UUIDs that are made of this socket, by any spelling; the present one first. */
  readonly #derived: readonly string[];

  constructor(parts: SocketGuestsParts) {
    this.#parts = parts;
    const { look, socket, spellings = [] } = parts;
    this.#path = look.socketPath ?? socket;
    const paths = [this.#path, socket, ...spellings, ...this.#filesHere().map((file) => file.socket)];
    this.#derived = [...new Set(paths.map((path) => uuidOfSocket(look.hostUuid, path)))];
  }

  /**
   * The guest that answers.
   *
   * @param own the UUID that QEMU was given
   * @param expected the one that the guest is known by to whoever asks
   */
  present(own: string | undefined, expected?: string): SocketGuest {
    return own === undefined ? this.#withoutUuid(expected) : this.#withUuid(own);
  }

  /** Whether the guest of this UUID is the one that answers. */
  isPresent(uuid: string, own: string | undefined): boolean {
    return own === undefined ? this.#derived.includes(uuid) : own === uuid;
  }

  /** A guest that does not answer, by its UUID. */
  absent(uuid: string): SocketGuest {
    return this.#derived.includes(uuid) ? this.#withoutUuid(uuid) : this.#withUuid(uuid);
  }

  /**
   * UUID of the guest that was last seen at this socket, by the ledger; the state's, where that was one of
   * several.
   */
  get lastSeen(): string | undefined {
    const here = this.#filesHere().map((file) => file.guest.uuid);
    const made = this.#parts.madeIn?.guestUuid;
    const isMade = (uuid: string): boolean =>
      uuid === made || (this.#derived.includes(uuid) && this.#derived.includes(made ?? ""));
    return here.find(isMade) ?? here[0];
  }

  #withUuid(uuid: string): SocketGuest {
    const { look, socket } = this.#parts;
    const guest = { name: socket, uuid };
    const files = look.ledger.filter((file) => file.guest.uuid === uuid);
    return { guest, otherUuids: [], files, home: { guest, socket, ...this.#realPath } };
  }

  /**
   * The state keeps the UUID that it has for as long as the path that it stands beside gives that one; else
   * the guest gets today's, which no later spelling changes.
   */
  #withoutUuid(known = this.#parts.madeIn?.guestUuid): SocketGuest {
    const { look, socket } = this.#parts;
    const { socketPath, hostUuid } = look;
    const [present = ""] = this.#derived;
    const lasting = [present, uuidOfSocket(hostUuid, socket)];
    const isKept =
      known !== undefined &&
      (lasting.includes(known) || (socketPath === undefined && this.#derived.includes(known)));
    const uuid = isKept ? known : present;
    return {
      guest: { name: socket, uuid },
      otherUuids: this.#derived.filter((one) => one !== uuid),
      files: look.ledger.filter((file) => this.#derived.includes(file.guest.uuid)),
      home: { guest: { name: this.#path, uuid: present }, socket: this.#path, ...this.#realPath },
    };
  }

  get #realPath(): Pick<LedgerFileToWrite, "path"> {
    const { socketPath } = this.#parts.look;
    return socketPath === undefined ? {} : { path: socketPath };
  }

  #filesHere(): SeenLedgerFile[] {
    const { look, socket, spellings = [] } = this.#parts;
    const paths = [socket, look.socketPath, ...spellings];
    return look.ledger.filter((file) => paths.includes(file.socket) || look.sameSocket.has(file.guest.uuid));
  }
}

/**
 * The files that hold an entry of this owner or tag, else the one that is to get it: where releases have
 * written several for one guest, that guest's own first. A file keeps the socket of which its UUID is made.
 */
export function filesFor(
  { files, home }: SocketGuest,
  entry: { readonly owner: string; readonly tag: string },
): readonly [LedgerFileToWrite, ...LedgerFileToWrite[]] {
  const isHome = (file: SeenLedgerFile): boolean => file.guest.uuid === home.guest.uuid;
  const sorted = [...files.filter(isHome), ...files.filter((file) => !isHome(file))];
  const nameOf = (file: SeenLedgerFile): LedgerFileToWrite => (isHome(file) ? home : file);
  const [first = sorted[0], ...others] = sorted.filter((file) =>
    file.entries.some((one) => one.owner === entry.owner || one.tag === entry.tag),
  );
  return [first === undefined ? home : nameOf(first), ...others.map(nameOf)];
}
