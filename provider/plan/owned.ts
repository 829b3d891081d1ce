import { compareAddresses, romOptionsOf, type PciAddress } from "../pci";
import { aliasOf, findTagOfAlias, findTagOfQemuId, tagOf } from "./identifiers";
import type { LedgerEntry } from "./ledger-entry";
import type { Observation, OwnedResources, PluggedFunction } from "./observation";

/**
 * The part of an observation that an owner token owns: its ledger entry, and what bears the entry's tag.
 * Without an entry (a crash, a guest that was started anew) what bears the token's own tag is its own,
 * unless another's entry has adopted that tag.
 *
 * The running guest's entries come first. Those of its configuration count where the former say nothing: in a
 * guest that does not run, or where someone has removed the live one.
 */
export function findOwned(observation: Observation, ownerToken: string): OwnedResources | undefined {
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
    .sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress));
  // in the middle of libvirt's own plug, which nobody waits for any more after a crash, QEMU may have it
  // before libvirt says so
  const byAlias = plugged
    .filter((one) => one.qemuId === aliasOf(tag, one.hostAddress))
    .map((one) => one.hostAddress);
  const shown = holdings.filter((one) => !one.isUnassigned).map((one) => one.hostAddress);
  return {
    tag,
    plugged,
    held: [...new Set([...holdings.map((one) => one.hostAddress), ...byAlias])].sort(compareAddresses),
    pluggedByLibvirt: [...new Set([...shown, ...byAlias])].sort(compareAddresses),
    configured: (observation.configuration?.functions ?? [])
      .filter((one) => findTagOfAlias(one.alias) === tag)
      .sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress)),
    ...(entry && { entry }),
    ...(liveEntry && { liveEntry }),
    ...(configuredEntry && { configuredEntry }),
  };
}

/**
 * IOMMU groups that an operation of this owner may touch: those of all functions that were looked at, but for
 * those of other attachments of the guest, unless they share a group with what is named or the owner's own.
 * What is adopted is named.
 */
export function touchedGroups(
  observation: Observation,
  ownerToken: string,
  isNamed: (hostAddress: PciAddress) => boolean,
): Set<number> {
  const groupsOf = (addresses: Iterable<PciAddress>): Set<number> =>
    new Set(
      [...addresses].flatMap((hostAddress) => observation.functions.get(hostAddress)?.iommuGroup ?? []),
    );
  const attachments = attachmentsOf(observation);
  const ownTag = findOwned(observation, ownerToken)?.tag;
  const named = [...observation.functions.keys()].filter(isNamed);
  const own = groupsOf([...named, ...(attachments.get(ownTag ?? "") ?? [])]);
  const touched = groupsOf(observation.functions.keys());
  for (const [tag, addresses] of attachments) {
    const theirs = groupsOf(addresses);
    const isStranger = tag !== ownTag && ![...theirs].some((group) => own.has(group));
    if (isStranger) for (const group of theirs) touched.delete(group);
  }
  return touched;
}

/** The functions of each attachment of this guest, by its tag. */
function attachmentsOf(observation: Observation): Map<string, Set<PciAddress>> {
  const attachments = new Map<string, Set<PciAddress>>();
  const add = (tag: string | undefined, hostAddress: PciAddress): void => {
    if (tag !== undefined) attachments.set(tag, (attachments.get(tag) ?? new Set()).add(hostAddress));
  };
  for (const one of observation.holdings)
    if (one.guest.uuid === observation.guest.uuid) add(findTagOfAlias(one.alias), one.hostAddress);
  for (const one of observation.configuration?.functions ?? [])
    add(findTagOfAlias(one.alias), one.hostAddress);
  for (const one of observation.plugged) add(findTagOfQemuId(one.qemuId), one.hostAddress);
  for (const { tag, functions } of allEntriesOf(observation))
    for (const one of functions) add(tag, one.hostAddress);
  return attachments;
}

/** Every entry of this guest, the running one's first. */
export function allEntriesOf(observation: Observation): LedgerEntry[] {
  return [...liveEntriesOf(observation), ...(observation.configuration?.ledger ?? [])];
}

/** The entries of this guest, the running one's first, each owner's and each tag's once. */
export function entriesOf(observation: Observation): LedgerEntry[] {
  const live = liveEntriesOf(observation);
  const owners = new Set(live.map((one) => one.owner));
  const tags = new Set(live.map((one) => one.tag));
  const others = (observation.configuration?.ledger ?? []).filter(
    (one) => !owners.has(one.owner) && !tags.has(one.tag),
  );
  return [...live, ...others];
}

/** Whether nothing of an owner is there any more. */
export function isNothing(owned: OwnedResources | undefined): boolean {
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
export function pluggedAtBoot(owned: OwnedResources): PluggedFunction[] {
  return owned.configured
    .flatMap((one) =>
      one.guestAddress === undefined
        ? []
        : [{ ...one.guestAddress, ...romOptionsOf(one), qemuId: one.alias, hostAddress: one.hostAddress }],
    )
    .sort((a, b) => a.guestFunction - b.guestFunction);
}

function liveEntriesOf(observation: Observation): LedgerEntry[] {
  return observation.ledger
    .filter((line) => line.guest.uuid === observation.guest.uuid)
    .map((line) => line.entry);
}
