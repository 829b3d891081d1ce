import { now } from "../../async/clock";
import type { Identity } from "../../apply";
import type { FunctionFacts, HostFacts } from "../../host/facts";
import type { OtherGuests } from "./other-guests";

/** How long what was seen is worth a guess. */
const RECENT_MS = 10_000;

/**
 * How long what the host itself needs counts as seen: no lock of ours keeps it as it is, so that a look under
 * the locks tells no more of it than one shortly before.
 */
const HOST_MS = 2_000;

/** What the host itself needs, and what guests have of it, by one look. */
export interface RecentHost {
  readonly facts: HostFacts;
  readonly others: OtherGuests;
}

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
  readonly #functions = new Map<string, { readonly at: number; readonly facts: FunctionFacts }>();
  readonly #hosts = new Map<string, { readonly at: number; readonly host: RecentHost }>();
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

  /** @param socket of the guest that the others are others to */
  noteHost(socket: string, host: RecentHost): void {
    this.#hosts.set(socket, { at: now(), host });
  }

  findHost(socket: string): RecentHost | undefined {
    return recent(this.#hosts.get(socket), HOST_MS)?.host;
  }

  noteFunctions(names: readonly string[], facts: FunctionFacts): void {
    this.#functions.set(names.join(" "), { at: now(), facts });
  }

  findFunctions(names: readonly string[]): FunctionFacts | undefined {
    return recent(this.#functions.get(names.join(" ")), HOST_MS)?.facts;
  }

  /** Something is changed on the host. */
  forgetHost(): void {
    this.#hosts.clear();
    this.#functions.clear();
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

function recent<T extends { readonly at: number }>(known: T | undefined, ms = RECENT_MS): T | undefined {
  return known !== undefined && now() - known.at < ms ? known : undefined;
}
