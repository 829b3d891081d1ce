import { compareAddresses } from "../pci";
import { findTagOfAlias, findTagOfQemuId, tagOf } from "./naming";
import type { LedgerEntry, Observation, OwnedPart, PluggedFunction } from "./observation";

/**
 * The part of an observation that an owner token owns: its ledger entry, and what bears the entry's tag.
 * Without an entry (a crash, a guest that was started anew) what bears the token's own tag is its own,
 * unless another's entry has adopted that tag.
 *
 * The running guest's entries come first. Those of its configuration count where the former say nothing: in a
 * guest that does not run, or where someone has removed the live one.
 */
export function findOwned(observation: Observation, ownerToken: string): OwnedPart | undefined {
  const here = entriesOf(observation);
  const entry = here.find((candidate) => candidate.owner === ownerToken);
  const tag = entry?.tag ?? tagOf(ownerToken);
  if (entry === undefined && here.some((other) => other.tag === tag)) return undefined;
  const isOurs = (one: LedgerEntry): boolean => one.owner === ownerToken || one.tag === tag;
  const liveEntry = liveEntriesOf(observation).find(isOurs);
  const configuredEntry = observation.configuration?.ledger.find(isOurs);
  const plugged = observation.plugged
    .filter((one) => findTagOfQemuId(one.qemuId) === tag)
    .sort((a, b) => a.guestFunction - b.guestFunction);
  const holdings = observation.holdings
    .filter((one) => one.guest.uuid === observation.guest.uuid && findTagOfAlias(one.alias) === tag)
    .sort((a, b) => compareAddresses(a.address, b.address));
  return {
    tag,
    plugged,
    held: holdings.map((one) => one.address),
    coldPlugged: holdings.filter((one) => !one.isUnassigned).map((one) => one.address),
    configured: (observation.configuration?.functions ?? [])
      .filter((one) => findTagOfAlias(one.alias) === tag)
      .sort((a, b) => compareAddresses(a.address, b.address)),
    ...(entry && { entry }),
    ...(liveEntry && { liveEntry }),
    ...(configuredEntry && { configuredEntry }),
  };
}

/** The entries of this guest, the running one's first, each owner's and each tag's once. */
export function entriesOf(observation: Observation): LedgerEntry[] {
  const live = liveEntriesOf(observation);
  const others = (observation.configuration?.ledger ?? []).filter(
    (one) => !live.some((other) => other.owner === one.owner || other.tag === one.tag),
  );
  return [...live, ...others];
}

/** Whether nothing of an owner is there any more. */
export function isNothing(owned: OwnedPart | undefined): boolean {
  return (
    owned === undefined ||
    (owned.entry === undefined &&
      owned.configuredEntry === undefined &&
      owned.plugged.length === 0 &&
      owned.held.length === 0 &&
      owned.configured.length === 0)
  );
}

/** What a cold boot plugs: libvirt gives each function its alias for an id. */
export function pluggedAtBoot(owned: OwnedPart): PluggedFunction[] {
  return owned.configured
    .flatMap(({ address, alias, place }) =>
      place === undefined ? [] : [{ ...place, qemuId: alias, hostAddress: address }],
    )
    .sort((a, b) => a.guestFunction - b.guestFunction);
}

function liveEntriesOf(observation: Observation): LedgerEntry[] {
  return observation.ledger
    .filter((line) => line.guest.uuid === observation.guest.uuid)
    .map((line) => line.entry);
}
