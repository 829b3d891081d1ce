import type { Ledger } from "../../lifecycle";
import type { GuestIdentity, LedgerEntry, LedgerPlace } from "../../plan";
import type { HostRequests } from "./host-requests";
import { parseLedgerFile, writeLedgerFile } from "./ledger-file";

/** What {@link PlainLedger} is made of. */
export interface PlainLedgerParts {
  readonly requests: Pick<HostRequests, "look" | "change">;
  readonly socket: string;
  /** The guest that was found. */
  readonly guest: () => GuestIdentity;
  /** What the last look at everything found in this guest's ledger; undefined where something was written since. */
  readonly takeSeen: (guest: GuestIdentity) => readonly LedgerEntry[] | undefined;
}

/**
 * The ledger as a file for each guest on the host, read, changed and written under the guest's lock: what the look under that
 * lock has read is not read again. The file stays when the guest ends, because its functions then stay with vfio-pci until somebody gives them back.
 */
export class PlainLedger implements Ledger {
  readonly #parts: PlainLedgerParts;

  constructor(parts: PlainLedgerParts) {
    this.#parts = parts;
  }

  record(entry: LedgerEntry, _places: readonly LedgerPlace[], signal: AbortSignal): Promise<void> {
    return this.#change((others) => [...others, entry], entry, signal);
  }

  erase(entry: LedgerEntry, _places: readonly LedgerPlace[], signal: AbortSignal): Promise<void> {
    return this.#change((others) => others, entry, signal);
  }

  async #change(
    compose: (others: readonly LedgerEntry[]) => readonly LedgerEntry[],
    entry: LedgerEntry,
    signal: AbortSignal,
  ): Promise<void> {
    const { requests, socket } = this.#parts;
    const guest = this.#parts.guest();
    const present = this.#parts.takeSeen(guest) ?? (await this.#read(guest, signal));
    const others = present.filter((one) => one.owner !== entry.owner && one.tag !== entry.tag);
    const entries = compose(others);
    const file = entries.length === 0 ? "" : ` ${writeLedgerFile({ guest, socket, entries })}`;
    await requests.change(`write ${guest.uuid}${file}`, signal);
  }

  async #read({ uuid }: GuestIdentity, signal: AbortSignal): Promise<readonly LedgerEntry[]> {
    const records = await this.#parts.requests.look(`ledger ${uuid}`, signal);
    const name = `guest-${uuid}.json`;
    const line = records.find((one) => one.kind === "ledger")?.text;
    return line === undefined ? [] : parseLedgerFile(name, line.slice(name.length + 1)).entries;
  }
}
