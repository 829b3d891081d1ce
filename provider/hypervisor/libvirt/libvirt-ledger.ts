import type { Ledger } from "../../apply";
import { LibvirtError, LibvirtErrorCode, type LibvirtDomain } from "../../libvirt-rpc";
import type { LedgerEntry, LedgerLocation } from "../../plan";
import { retryBusyJob } from "./busy-job";
import { eraseFromLedger, LEDGER_PREFIX, LEDGER_URI, recordInLedger } from "./xml/ledger-xml";
import type { LibvirtSession } from "./libvirt-session";

/** Which of the guest's two descriptions libvirt is asked to change. */
type Target = "live" | "config";
const targets: Readonly<Record<LedgerLocation, readonly Target[]>> = {
  live: ["live"],
  configuration: ["config"],
  // the running guest's last: while it has the entry, whoever comes after a crash finds both
  domain: ["config", "live"],
  host: [],
};

/**
 * The ledger after a change, from libvirt's answer as it stands; the answer itself where nothing is to be
 * changed.
 */
type Change = (present: string | undefined, guest: string) => string | undefined;

/**
 * The ledger as an element of the running guest's metadata: it goes when the guest ends, as all does that it
 * tells of. Entries of persistent attachments stand in the guest's configuration as well, from where a cold
 * boot takes them over. Read, changed and written under the guest's lock.
 */
export class LibvirtLedger implements Ledger {
  readonly #session: LibvirtSession;
  readonly #domain: () => LibvirtDomain;

  constructor(session: LibvirtSession, domain: () => LibvirtDomain) {
    this.#session = session;
    this.#domain = domain;
  }

  async record(entry: LedgerEntry, locations: readonly LedgerLocation[], signal: AbortSignal): Promise<void> {
    await this.#change((present, guest) => recordInLedger(present, entry, guest), locations, signal);
  }

  async erase(entry: LedgerEntry, locations: readonly LedgerLocation[], signal: AbortSignal): Promise<void> {
    await this.#change((present, guest) => eraseFromLedger(present, entry, guest), locations, signal);
  }

  async #change(change: Change, locations: readonly LedgerLocation[], signal: AbortSignal): Promise<void> {
    for (const location of locations) {
      const missing: Error[] = [];
      for (const target of targets[location])
        await this.#changeOne(change, target, signal).catch((cause: unknown) => {
          // a guest that does not run has no live metadata, a transient one no others
          if (location !== "domain" || !isMissing(cause)) throw cause;
          missing.push(cause);
        });
      if (missing.length < targets[location].length) continue;
      throw missing[0] ?? new Error("the ledger of a libvirt guest is in its metadata");
    }
  }

  async #changeOne(change: Change, target: Target, signal: AbortSignal): Promise<void> {
    const client = await this.#session.client(signal);
    const metadata = { uri: LEDGER_URI, target };
    const present = await client.getMetadata(this.#domain(), metadata, signal);
    const xml = change(present, this.#domain().name);
    if (xml === present) return;
    await retryBusyJob(
      () => client.setMetadata(this.#domain(), { ...metadata, key: LEDGER_PREFIX, xml }, signal),
      signal,
    );
  }
}

function isMissing(cause: unknown): cause is LibvirtError {
  return cause instanceof LibvirtError && cause.code === LibvirtErrorCode.OPERATION_INVALID;
}
