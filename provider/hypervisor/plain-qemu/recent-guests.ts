import { now } from "../../async/clock";
import type { Identity } from "../../apply";

/** How long what was seen is worth a guess. */
const RECENT_MS = 10_000;

/** What a look has shown of the guest behind a socket. */
export interface RecentGuest {
  /** Its UUIDs, by which its ledger's files are asked for. */
  readonly uuids: readonly string[];
  /** The process of its QEMU; undefined if it was not looked for. */
  readonly pid?: number;
}

/**
 * What the looks of one connection have shown a moment ago, so that an operation need not begin by finding it
 * out again: the check of a resource comes before its create. Guesses only. Which guest, which groups and
 * which process it is, is seen under the locks, and an operation whose guess was wrong takes others
 * (with-locks).
 */
export class RecentGuests {
  readonly #guests = new Map<string, { readonly at: number; readonly guest: RecentGuest }>();
  readonly #identities = new Map<string, { readonly at: number; readonly identity: Identity }>();

  /** @param socket its path as it was written */
  note(socket: string, guest: RecentGuest): void {
    this.#guests.set(socket, { at: now(), guest: { ...this.find(socket), ...guest } });
  }

  /** The process is not that of this guest's QEMU any more. */
  forgetProcess(socket: string): void {
    const known = this.find(socket);
    if (known !== undefined) this.#guests.set(socket, { at: now(), guest: { uuids: known.uuids } });
  }

  find(socket: string): RecentGuest | undefined {
    return recent(this.#guests.get(socket))?.guest;
  }

  /** @param question all that the answer hangs on */
  noteIdentity(question: string, identity: Identity): void {
    this.#identities.set(question, { at: now(), identity });
  }

  /** It is told once: whoever asks again has found it wrong, or begins anew. */
  takeIdentity(question: string): Identity | undefined {
    const known = recent(this.#identities.get(question));
    this.#identities.delete(question);
    return known?.identity;
  }
}

function recent<T extends { readonly at: number }>(known: T | undefined): T | undefined {
  return known !== undefined && now() - known.at < RECENT_MS ? known : undefined;
}
