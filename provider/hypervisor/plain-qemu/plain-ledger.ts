import type { Ledger } from "../../lifecycle";
import type { GuestIdentity, LedgerEntry, LedgerPlace } from "../../plan";
import type { HostRequests } from "./host-requests";
import { eraseFromFile, ledgerFileName, recordInFile } from "./ledger-file";

/** A guest's file as it was last looked at, whatever stands in it; no text where there is none. */
export interface SeenLedger {
  readonly text?: string;
}

/** What {@link PlainLedger} is made of. */
export interface PlainLedgerParts {
  readonly requests: Pick<HostRequests, "look" | "change">;
  readonly socket: string;
  /** The guest that was found. */
  readonly guest: () => GuestIdentity;
  /** This guest's ledger as the last look at everything found it; undefined where something was written since. */
  readonly takeSeen: (guest: GuestIdentity) => SeenLedger | undefined;
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
    return this.#change((present, place) => recordInFile(present, place, entry), signal);
  }

  erase(entry: LedgerEntry, _places: readonly LedgerPlace[], signal: AbortSignal): Promise<void> {
    return this.#change((present, place) => eraseFromFile(present, place, entry), signal);
  }

  async #change(
    change: (
      present: string | undefined,
      place: { readonly guest: GuestIdentity; readonly socket: string },
    ) => string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { requests, socket } = this.#parts;
    const guest = this.#parts.guest();
    const { text } = this.#parts.takeSeen(guest) ?? (await this.#read(guest, signal));
    const changed = change(text, { guest, socket });
    if (changed === text) return;
    await requests.change(`write ${guest.uuid}${changed === undefined ? "" : ` ${changed}`}`, signal);
  }

  async #read({ uuid }: GuestIdentity, signal: AbortSignal): Promise<SeenLedger> {
    const records = await this.#parts.requests.look(`ledger ${uuid}`, signal);
    const line = records.find((one) => one.kind === "ledger")?.text;
    return line === undefined ? {} : { text: line.slice(ledgerFileName(uuid).length + 1) };
  }
}
