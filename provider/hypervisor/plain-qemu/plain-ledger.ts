import type { Ledger } from "../../apply";
import type { LedgerEntry, LedgerLocation } from "../../plan";
import type { OperationRequests } from "./program/operation-requests";
import { eraseFromFile, ledgerFileName, recordInFile, strikeFromFile } from "./ledger-file";
import type { LedgerFileName, LedgerFileToWrite } from "./socket-guest";

/** A guest's file as it was last looked at, whatever stands in it; no text where there is none. */
export interface SeenLedger {
  readonly text?: string;
}

/** What {@link PlainLedger} is made of. */
export interface PlainLedgerParts {
  readonly requests: Pick<OperationRequests, "look" | "change">;
  /** The files of the guest that was found: the one for this entry, and others that hold one like it. */
  readonly filesFor: (entry: LedgerEntry) => readonly [LedgerFileToWrite, ...LedgerFileToWrite[]];
  /**
   * The file of this UUID as the last look at everything found it; undefined where something was written
   * since.
   */
  readonly takeSeen: (uuid: string) => SeenLedger | undefined;
}

/** A path that the host program takes as a word. */
const WORD_PATH = /^(?:\/[A-Za-z0-9._@+=-]+)+$/;

/** What becomes of a file's text; undefined where there is none, or nothing is left. */
type Change = (present: string | undefined, file: LedgerFileName) => string | undefined;

/**
 * The ledger as a file for each guest on the host, read, changed and written under the guest's lock: what the
 * look under that lock has read is not read again. The file stays when the guest ends, because its functions
 * then stay with vfio-pci until somebody gives them back.
 */
export class PlainLedger implements Ledger {
  readonly #parts: PlainLedgerParts;

  constructor(parts: PlainLedgerParts) {
    this.#parts = parts;
  }

  async record(entry: LedgerEntry, _places: readonly LedgerLocation[], signal: AbortSignal): Promise<void> {
    const [file, ...others] = this.#parts.filesFor(entry);
    await this.#change(file, (present, name) => recordInFile(present, name, entry), signal);
    for (const other of others)
      await this.#change(other, (present, name) => strikeFromFile(present, name, entry), signal);
  }

  async erase(entry: LedgerEntry, _places: readonly LedgerLocation[], signal: AbortSignal): Promise<void> {
    for (const file of this.#parts.filesFor(entry))
      await this.#change(file, (present, name) => eraseFromFile(present, name, entry), signal);
  }

  async #change(file: LedgerFileToWrite, change: Change, signal: AbortSignal): Promise<void> {
    const { uuid } = file.guest;
    const { text } = this.#parts.takeSeen(uuid) ?? (await this.#read(uuid, signal));
    const changed = change(text, file);
    if (changed === text) return;
    const path = WORD_PATH.test(file.path ?? "") ? file.path : "-";
    const rest = changed === undefined ? "" : ` ${changed}`;
    await this.#parts.requests.change(`write ${uuid} ${path}${rest}`, signal);
  }

  async #read(uuid: string, signal: AbortSignal): Promise<SeenLedger> {
    const records = await this.#parts.requests.look(`ledger ${uuid}`, signal);
    const line = records.find((one) => one.kind === "ledger")?.text;
    return line === undefined ? {} : { text: line.slice(ledgerFileName(uuid).length + 1) };
  }
}
