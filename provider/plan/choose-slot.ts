import { providerError } from "../errors";
import {
  findFreeSlot,
  isSameFunctionMap,
  isSlotFree,
  type FunctionMapping,
  type GuestBus,
  type GuestSlot,
} from "../pci";
import { describeSlot } from "./describe";
import { findTagOfAlias } from "./identifiers";
import type { Observation, OwnedResources } from "./observation";
import type { PriorAttachment, DesiredAttachment } from "./desired";

/**
 * What stands whole in one slot stays there, also where someone has moved it, and whatever that slot is given to at the
 * guest's next cold boot: the guest is not interrupted. What has to be plugged comes to the slot on record, then to one
 * where something of it is.
 */
export function chooseSlot(
  observation: Observation,
  desired: DesiredAttachment,
  owned: OwnedResources,
  map: readonly FunctionMapping[],
  prior: PriorAttachment | undefined,
): GuestSlot {
  const standing = findStanding(observation, desired, owned, map, prior);
  if (standing !== undefined) return standing;
  const buses = usableBuses(observation, desired, owned);
  const configured = owned.configured.find((one) => one.place !== undefined)?.place;
  if (desired.guestSlot !== undefined)
    return namedSlot(
      observation,
      buses,
      desired.guestSlot,
      owned.plugged[0] ?? owned.entry?.slot ?? configured,
    );
  for (const earlier of [owned.entry?.slot, owned.plugged[0], configured, prior?.slot]) {
    const bus = buses.find((candidate) => candidate.bus === earlier?.bus);
    if (earlier !== undefined && bus?.hotplug.possible && isSlotFree(bus, earlier.slot))
      return { bus: bus.bus, slot: earlier.slot, kind: bus.hotplug.kind };
  }
  const free = findFreeSlot(buses);
  if (free === undefined)
    throw providerError("NO_FREE_SLOT", {
      guest: observation.guest.name,
      buses: buses.map(describeBus),
      hasConfiguration: observation.ledgerLocation !== "host",
    });
  return free;
}

/**
 * The slot in which the set stands whole, unless another is named. Its port may have lost its hotplug since; how it took
 * the set is on record then.
 */
function findStanding(
  { buses }: Observation,
  { guestSlot: named }: DesiredAttachment,
  owned: OwnedResources,
  map: readonly FunctionMapping[],
  prior: PriorAttachment | undefined,
): GuestSlot | undefined {
  const [first] = owned.plugged;
  if (first === undefined || !isPluggedAs(owned, map, first)) return undefined;
  const { bus, slot } = first;
  if (named !== undefined && (named.bus !== bus || (named.slot ?? slot) !== slot)) return undefined;
  const hotplug = buses.find((candidate) => candidate.bus === bus)?.hotplug;
  if (hotplug?.possible) return { bus, slot, kind: hotplug.kind };
  return [owned.entry?.slot, prior?.slot].find((known) => known?.bus === bus && known.slot === slot);
}

/**
 * A set that stands where the next cold boot will not have it cannot be persistent there, and is not moved unless that is
 * asked for: the guest would lose the device for what somebody has changed in its configuration.
 */
export function refuseSlotGivenAway(
  observation: Observation,
  desired: DesiredAttachment,
  owned: OwnedResources,
  slot: GuestSlot,
): void {
  const bus = observation.buses.find((candidate) => candidate.bus === slot.bus);
  if (bus === undefined) return;
  const isMissing = isMissingAtBoot(observation, desired, bus);
  const isTaken = reservedAtBoot(observation, owned, bus).includes(slot.slot);
  if (isMissing || isTaken)
    throw providerError("SLOT_CONFIGURED_OTHERWISE", {
      guest: observation.guest.name,
      slot: describeSlot(slot),
      isMissing,
    });
}

/** The guest's buses as they are when what the owner has plugged is gone. */
export function usableBuses(
  observation: Observation,
  desired: DesiredAttachment,
  owned: OwnedResources,
): GuestBus[] {
  const ownIds = new Set(owned.plugged.map((one) => one.qemuId));
  return observation.buses.map((bus) => ({
    ...bus,
    ...(isMissingAtBoot(observation, desired, bus) && { hotplug: NOT_CONFIGURED }),
    occupants: bus.occupants.filter((occupant) => !ownIds.has(occupant.id)),
    reservedAtBoot: desired.goesBack ? [] : reservedAtBoot(observation, owned, bus),
  }));
}

/** QEMU's id of the root bus of q35 and of `virt`. */
const EXPRESS_ROOT = "pcie.0";

const NOT_CONFIGURED = {
  possible: false,
  reason: "the guest's configuration has no such bus, so it would be gone after a cold boot",
} as const;

function isMissingAtBoot(observation: Observation, desired: DesiredAttachment, { bus }: GuestBus): boolean {
  return desired.persistent && observation.configuration?.buses.includes(bus) === false;
}

/** Slots that the configuration gives to others, other attachments of this provider included, plugged now or not. */
function reservedAtBoot(observation: Observation, owned: OwnedResources, bus: GuestBus): number[] {
  const ofOthers = (observation.configuration?.functions ?? []).flatMap(({ alias, place }) => {
    const tag = findTagOfAlias(alias);
    return place?.bus === bus.bus && tag !== undefined && tag !== owned.tag ? [place.slot] : [];
  });
  return [...(bus.reservedAtBoot ?? []), ...ofOthers];
}

/** The slots of a guest that is shut off cannot be looked at: the one on record, or none. */
export function slotOfConfigured(
  observation: Observation,
  { guestSlot }: DesiredAttachment,
  owned: OwnedResources,
  prior: PriorAttachment | undefined,
): GuestSlot {
  const slot = [owned.entry?.slot, prior?.slot].find(
    (one) =>
      one !== undefined &&
      (guestSlot === undefined ||
        (guestSlot.bus === one.bus && (guestSlot.slot === undefined || guestSlot.slot === one.slot))),
  );
  if (slot === undefined) throw providerError("GUEST_NOT_RUNNING", { guest: observation.guest.name });
  return slot;
}

function namedSlot(
  observation: Observation,
  buses: readonly GuestBus[],
  named: { readonly bus: string; readonly slot?: number },
  current: { readonly bus: string; readonly slot: number } | undefined,
): GuestSlot {
  const refuse = (slot: string, reason: string): Error =>
    providerError("SLOT_REFUSED", { guest: observation.guest.name, slot, reason });
  const bus = buses.find((candidate) => candidate.bus === named.bus);
  if (bus === undefined) {
    const others = `it has ${buses.map((one) => one.bus).join(", ") || "none"}`;
    throw refuse(
      named.bus,
      named.bus === EXPRESS_ROOT
        ? `QEMU hot-plugs nothing on the root bus of a PCI Express machine. Use a root port; ${others}`
        : `the guest has no such bus; ${others}`,
    );
  }
  if (!bus.hotplug.possible) throw refuse(named.bus, bus.hotplug.reason);
  const { first, last } = bus.hotplug.slots;
  const isWithin = named.slot === undefined || (named.slot >= first && named.slot <= last);
  if (!isWithin) throw refuse(`${named.bus} slot ${named.slot}`, `it takes slots ${first} to ${last} only`);
  // where only the bus is named, the device stays where it is on it: moving it would interrupt the guest
  const stays = current?.bus === bus.bus ? [current.slot] : [];
  const candidates =
    named.slot !== undefined
      ? [named.slot]
      : [...stays, ...Array.from({ length: last - first + 1 }, (_, i) => last - i)];
  const slot = candidates.find((candidate) => isSlotFree(bus, candidate));
  if (slot === undefined) throw refuse(describeSlotName(named), `it is taken: ${describeBus(bus)}`);
  return { bus: bus.bus, slot, kind: bus.hotplug.kind };
}

function describeSlotName(named: { readonly bus: string; readonly slot?: number }): string {
  return named.slot === undefined ? named.bus : `${named.bus} slot ${named.slot}`;
}

function describeBus(bus: GuestBus): string {
  if (!bus.hotplug.possible) return `${bus.bus}: ${bus.hotplug.reason}`;
  const isEmpty = (slot: number): boolean => !bus.occupants.some((one) => one.slot === slot);
  const now = bus.reservedSlots.filter(isEmpty);
  const atBoot = (bus.reservedAtBoot ?? []).filter((slot) => isEmpty(slot) && !now.includes(slot));
  const what = [
    ...bus.occupants.map((one) => one.id),
    ...now.map(() => "reserved by libvirt"),
    ...atBoot.map(() => "given to a device of the guest's next boot"),
  ];
  return `${bus.bus}: ${what.length === 0 ? "free" : what.join(", ")}`;
}

/** Whether these functions, and no others, stand in this slot under these numbers. */
export function isPluggedAs(
  owned: OwnedResources,
  map: readonly FunctionMapping[],
  slot: Pick<GuestSlot, "bus" | "slot">,
): boolean {
  return (
    isSameFunctionMap(owned.plugged, map) &&
    owned.plugged.every((one) => one.bus === slot.bus && one.slot === slot.slot)
  );
}
