import type { GuestBus } from "../pci";
import type { DesiredAttachment } from "./desired";
import { findTagOfAlias } from "./identifiers";
import type { Observation, OwnedResources } from "./observation";

const NOT_CONFIGURED = {
  possible: false,
  reason: "the guest's configuration has no such bus, so it would be gone after a cold boot",
} as const;

/** What the buses of a guest are looked at for. */
interface BusQuestion {
  readonly observation: Observation;
  readonly desired: DesiredAttachment;
  readonly owned: OwnedResources;
}

/** The guest's buses as they are when what the owner has plugged is gone. */
export function usableBuses({ observation, desired, owned }: BusQuestion): GuestBus[] {
  const ownIds = new Set(owned.plugged.map((one) => one.qemuId));
  return observation.buses.map((bus) => ({
    ...bus,
    ...(isMissingAtBoot(observation, desired, bus) && { hotplug: NOT_CONFIGURED }),
    occupants: bus.occupants.filter((occupant) => !ownIds.has(occupant.id)),
    reservedAtBoot: desired.goesBack ? [] : reservedAtBoot(observation, owned, bus),
  }));
}

/** Whether a persistent attachment on this bus would be without it after a cold boot. */
export function isMissingAtBoot(
  observation: Observation,
  desired: DesiredAttachment,
  { bus }: GuestBus,
): boolean {
  return desired.persistent && observation.configuration?.buses.includes(bus) === false;
}

/**
 * Slots that the configuration gives to others, other attachments of this provider included, plugged now or
 * not.
 */
export function reservedAtBoot(observation: Observation, owned: OwnedResources, bus: GuestBus): number[] {
  const ofOthers = (observation.configuration?.functions ?? []).flatMap(({ alias, guestAddress }) => {
    const tag = findTagOfAlias(alias);
    return guestAddress?.bus === bus.bus && tag !== undefined && tag !== owned.tag ? [guestAddress.slot] : [];
  });
  return [...(bus.reservedAtBoot ?? []), ...ofOthers];
}
