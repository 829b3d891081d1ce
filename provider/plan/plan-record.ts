import type { AttachContext } from "./attach-context";
import { isSameEntry, type Outcome } from "./final-entry";
import type { LedgerLocation } from "./ledger-entry";
import type { Step } from "./step";

/** What writes the ledger before the first change, where it does not say that already. */
export function planRecord(
  { desired: { fresh }, owned }: AttachContext,
  { entry, interimEntry }: Outcome,
  locations: readonly LedgerLocation[],
): Step[] {
  const isRenewed = fresh !== undefined && entry.incarnation === fresh.incarnation;
  const stale = locations.filter(
    (location) =>
      isRenewed ||
      !isSameEntry(location === "configuration" ? owned.configuredEntry : owned.liveEntry, interimEntry),
  );
  return stale.length === 0 ? [] : [{ kind: "record", entry: interimEntry, locations: stale }];
}
