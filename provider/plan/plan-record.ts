import type { AttachContext } from "./attach-context";
import { isSameEntry, type Outcome } from "./final-entry";
import type { LedgerLocation } from "./ledger-entry";
import type { Step } from "./step";

/**
 * Where the entry of an attachment stands. With an older libvirt and without libvirt there is one place for
 * it, whether or not the guest runs.
 */
export function entryLocations({ observation, desired, isOff }: AttachContext): LedgerLocation[] {
  const { ledgerLocation = "live" } = observation;
  if (ledgerLocation !== "live") return [ledgerLocation];
  if (isOff) return ["configuration"];
  return desired.persistent ? ["live", "configuration"] : ["live"];
}

/** What writes the ledger before the first change, where it does not say that already. */
export function planRecord(context: AttachContext, { entry, interimEntry }: Outcome): Step[] {
  const {
    desired: { fresh },
    owned,
  } = context;
  const locations = entryLocations(context);
  const isRenewed = fresh !== undefined && entry.incarnation === fresh.incarnation;
  const stale = locations.filter(
    (location) =>
      isRenewed ||
      !isSameEntry(location === "configuration" ? owned.configuredEntry : owned.liveEntry, interimEntry),
  );
  return stale.length === 0 ? [] : [{ kind: "record", entry: interimEntry, locations: stale }];
}
