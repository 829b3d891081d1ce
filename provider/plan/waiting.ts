import { isVfioDriver } from "../host/facts";
import type { PciAddress } from "../pci";
import { findTagOfAlias } from "./identifiers";
import { allEntriesOf } from "./owned";
import type { Observation, OwnedResources } from "./observation";
import type { PriorAttachment, PriorFunction } from "./desired";

/**
 * Functions that the ledger or the state remembers with a driver of the host's, that have none or one of
 * VFIO's now, and that nobody has: they wait to be given back, though nothing else of the attachment may be
 * there any more. An older libvirt leaves them so where the guest was undefined, and a release that was cut
 * off.
 *
 * Those of a group that another has are not: bound to a host driver, they would take the group from under its
 * user. Nor those that another's entry names, which gives them back.
 */
export function findWaiting(
  observation: Observation,
  owned: OwnedResources | undefined,
  prior: Pick<PriorAttachment, "functions"> | undefined,
): (PriorFunction & { readonly hostDriver: string })[] {
  const { functions, guest } = observation;
  const groupOf = (hostAddress: PciAddress): number | undefined => functions.get(hostAddress)?.iommuGroup;
  const isOwn = (one: Observation["holdings"][number]): boolean =>
    one.guest.uuid === guest.uuid && findTagOfAlias(one.alias) === owned?.tag;
  const others = observation.holdings.filter((one) => !isOwn(one));
  const taken = new Set<PciAddress>([
    ...observation.holdings.map((one) => one.hostAddress),
    ...observation.plugged.map((one) => one.hostAddress),
    ...[...allEntriesOf(observation), ...observation.ledger.map((line) => line.entry)]
      .filter((entry) => entry.tag !== owned?.tag)
      .flatMap((entry) => entry.functions.map((one) => one.hostAddress)),
  ]);
  const takenGroups = new Set(
    others.map((one) => groupOf(one.hostAddress)).filter((group) => group !== undefined),
  );
  return knownFunctions(owned, prior).flatMap((known) => {
    const { hostAddress, hostDriver } = known;
    const now = functions.get(hostAddress);
    const isAway = now !== undefined && (now.driver === undefined || isVfioDriver(now.driver));
    const isTaken = taken.has(hostAddress) || takenGroups.has(groupOf(hostAddress) ?? -1);
    if (!isAway || isTaken || hostDriver === undefined || isVfioDriver(hostDriver)) return [];
    return [{ ...known, hostDriver }];
  });
}

/** What the ledger names, and what the state remembers beside that. */
function knownFunctions(
  owned: OwnedResources | undefined,
  prior: Pick<PriorAttachment, "functions"> | undefined,
): PriorFunction[] {
  const recorded = owned?.entry?.functions ?? [];
  const names = new Set(recorded.map((one) => one.hostAddress));
  return [...recorded, ...(prior?.functions ?? []).filter((one) => !names.has(one.hostAddress))];
}
