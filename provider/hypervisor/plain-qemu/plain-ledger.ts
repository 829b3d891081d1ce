import type { Ledger } from "../../lifecycle";
import type { LedgerEntry, LedgerPlace } from "../../plan";
import type { HostRequests } from "./host-requests";
import { parseLedgerFile, writeLedgerFile } from "./ledger-file";
import type { LedgerFileName } from "./socket-guest";

/** What {@link PlainLedger} is made of. */
export interface PlainLedgerParts {
  readonly requests: Pick<HostRequests, "look" | "change">;
  /** The files of the guest that was found: the one for this entry, and others that hold one like it. */
  readonly filesFor: (entry: LedgerEntry) => readonly [LedgerFileName, ...LedgerFileName[]];
  /** What the last look at everything found in the file of this UUID; undefined where something was written since. */
  readonly takeSeen: (uuid: string) => readonly LedgerEntry[] | undefined;
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

  async record(entry: LedgerEntry, _places: readonly LedgerPlace[], signal: AbortSignal): Promise<void> {
    const [file, ...others] = this.#parts.filesFor(entry);
    await this.#change(file, (present) => [...present, entry], entry, signal);
    for (const other of others) await this.#change(other, (present) => present, entry, signal);
  }

  async erase(entry: LedgerEntry, _places: readonly LedgerPlace[], signal: AbortSignal): Promise<void> {
    for (const file of this.#parts.filesFor(entry))
      await this.#change(file, (present) => present, entry, signal);
  }

  async #change(
    { guest, socket }: LedgerFileName,
    compose: (others: readonly LedgerEntry[]) => readonly LedgerEntry[],
    entry: LedgerEntry,
    signal: AbortSignal,
  ): Promise<void> {
    const present = this.#parts.takeSeen(guest.uuid) ?? (await this.#read(guest.uuid, signal));
    const others = present.filter((one) => one.owner !== entry.owner && one.tag !== entry.tag);
    const entries = compose(others);
    const file = entries.length === 0 ? "" : ` ${writeLedgerFile({ guest, socket, entries })}`;
    await this.#parts.requests.change(`write ${guest.uuid}${file}`, signal);
  }

  async #read(uuid: string, signal: AbortSignal): Promise<readonly LedgerEntry[]> {
    const records = await this.#parts.requests.look(`ledger ${uuid}`, signal);
    const name = `guest-${uuid}.json`;
    const line = records.find((one) => one.kind === "ledger")?.text;
    return line === undefined ? [] : parseLedgerFile(name, line.slice(name.length + 1)).entries;
  }
}
