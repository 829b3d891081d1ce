import { printable } from "../../errors";
import { turnedRound } from "../../host/facts";
import type { PciAddress } from "../../pci";
import { findTagOfAlias, type LedgerEntry, type Observation } from "../../plan";
import { nameOf } from "./name-of";
import type { HolderReport } from "./report";

/** The entries of the ledger, by guest and tag; the first of each counts. */
export type EntriesByTag = ReadonlyMap<string, readonly { readonly entry: LedgerEntry }[]>;

/** See {@link EntriesByTag}. */
export function entriesByTag({ ledger }: Observation): EntriesByTag {
  return turnedRound(ledger, (line) => [`${line.guest.uuid} ${line.entry.tag}`]);
}

/** Who has a function, and for whom. */
export function holderOf(
  hostAddress: PciAddress,
  { holdings }: Observation,
  entries: EntriesByTag,
): HolderReport | null {
  const holding = holdings.find((one) => one.hostAddress === hostAddress);
  if (holding === undefined) return null;
  const tag = findTagOfAlias(holding.alias);
  const entry = tag === undefined ? undefined : entries.get(`${holding.guest.uuid} ${tag}`)?.[0]?.entry;
  const own = entry?.functions.find((one) => one.hostAddress === hostAddress);
  return {
    guest: printable(holding.guest.name),
    guestUuid: holding.guest.uuid === "" ? null : printable(holding.guest.uuid),
    owner: nameOf(entry?.owner),
    bus: nameOf(entry?.slot.bus),
    slot: entry?.slot.slot ?? null,
    guestFunction: own?.guestFunction ?? null,
  };
}
