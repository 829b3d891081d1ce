import { compareAddresses } from "../pci";
import { findTagOfAlias, findTagOfQemuId, tagOf } from "./naming";
import type { Observation, OwnedPart } from "./observation";

/**
 * The part of an observation that an owner token owns: its ledger entry, and what bears the entry's tag.
 * Without an entry (a crash, a guest that was started anew) what bears the token's own tag is its own,
 * unless another's entry has adopted that tag.
 */
export function findOwned(observation: Observation, ownerToken: string): OwnedPart | undefined {
  const here = observation.ledger
    .filter((line) => line.guest.uuid === observation.guest.uuid)
    .map((line) => line.entry);
  const entry = here.find((candidate) => candidate.owner === ownerToken);
  const tag = entry?.tag ?? tagOf(ownerToken);
  if (entry === undefined && here.some((other) => other.tag === tag)) return undefined;
  const plugged = observation.plugged
    .filter((one) => findTagOfQemuId(one.qemuId) === tag)
    .sort((a, b) => a.guestFunction - b.guestFunction);
  const held = observation.holdings
    .filter((one) => one.guest.uuid === observation.guest.uuid && findTagOfAlias(one.alias) === tag)
    .map((one) => one.address)
    .sort(compareAddresses);
  return { tag, plugged, held, ...(entry && { entry }) };
}

/** Whether nothing of an owner is there any more. */
export function isNothing(owned: OwnedPart | undefined): boolean {
  return (
    owned === undefined ||
    (owned.entry === undefined && owned.plugged.length === 0 && owned.held.length === 0)
  );
}
