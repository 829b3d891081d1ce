import { providerError } from "../errors";
import {
  findFreeSlot,
  isSameFunctionMap,
  isSlotFree,
  type FunctionMapping,
  type GuestBus,
  type GuestSlot,
} from "../pci";
import type { Refusal } from "./checks/refusal";
import type { DesiredAttachment } from "./desired";
import type { Observation, OwnedResources } from "./observation";
import type { PlanRequest } from "./plan-request";
import { standingSlot } from "./standing-slot";
import { usableBuses } from "./usable-buses";

/** QEMU's id of the root bus of q35 and of `virt`. */
const EXPRESS_ROOT = "pcie.0";

/** What a slot is chosen for. */
export interface SlotQuestion extends PlanRequest {
  readonly owned: OwnedResources;
  readonly map: readonly FunctionMapping[];
}

/** The slot for a set, or why there is none. */
export type SlotChoice =
  | { readonly slot: GuestSlot; readonly refusal?: undefined }
  | { readonly slot?: undefined; readonly refusal: Refusal };

/** A slot that a program names, or that something stands in. */
interface SlotName {
  readonly bus: string;
  readonly slot: number;
}

type NamedSlot = NonNullable<DesiredAttachment["guestSlot"]>;

/**
 * What stands whole in one slot stays there, also where someone has moved it, and whatever that slot is given
 * to at the guest's next cold boot: the guest is not interrupted. What has to be plugged comes to the slot on
 * record, then to one where something of it is.
 */
export function chooseSlot(question: SlotQuestion): SlotChoice {
  const { observation, desired, owned, prior } = question;
  const standing = findStanding(question);
  if (standing !== undefined) return { slot: standing };
  const buses = usableBuses(question);
  const configured = owned.configured.find((one) => one.guestAddress !== undefined)?.guestAddress;
  if (desired.guestSlot !== undefined)
    return namedSlot(
      observation,
      desired.guestSlot,
      buses,
      owned.plugged[0] ?? owned.entry?.slot ?? configured,
    );
  for (const earlier of [owned.entry?.slot, owned.plugged[0], configured, prior?.slot]) {
    const bus = buses.find((candidate) => candidate.bus === earlier?.bus);
    if (earlier !== undefined && bus?.hotplug.possible && isSlotFree(bus, earlier.slot))
      return { slot: { bus: bus.bus, slot: earlier.slot, kind: bus.hotplug.kind } };
  }
  const free = findFreeSlot(buses);
  if (free !== undefined) return { slot: free };
  const refusal = providerError("NO_FREE_SLOT", {
    guest: observation.guest.name,
    buses: buses.map(describeBus),
    hasConfiguration: observation.ledgerLocation !== "host",
  });
  return { refusal };
}

/** Whether these functions, and no others, stand in this slot under these numbers. */
export function isPluggedAs(owned: OwnedResources, map: readonly FunctionMapping[], slot: SlotName): boolean {
  return (
    isSameFunctionMap(owned.plugged, map) &&
    owned.plugged.every((one) => one.bus === slot.bus && one.slot === slot.slot)
  );
}

/** The slot in which the set stands whole, unless another is named. */
function findStanding({ observation, desired, owned, map, prior }: SlotQuestion): GuestSlot | undefined {
  const [first] = owned.plugged;
  if (first === undefined || !isPluggedAs(owned, map, first)) return undefined;
  if (desired.guestSlot !== undefined && !isNamed(desired.guestSlot, first)) return undefined;
  return standingSlot(observation, first, [prior?.slot, owned.entry?.slot]);
}

function isNamed(named: NamedSlot, { bus, slot }: SlotName): boolean {
  return named.bus === bus && (named.slot ?? slot) === slot;
}

function namedSlot(
  observation: Observation,
  named: NamedSlot,
  buses: readonly GuestBus[],
  current: SlotName | undefined,
): SlotChoice {
  const refusedChoice = (slot: string, reason: string): SlotChoice => ({
    refusal: providerError("SLOT_REFUSED", { guest: observation.guest.name, slot, reason }),
  });
  const bus = buses.find((candidate) => candidate.bus === named.bus);
  if (bus === undefined) return refusedChoice(named.bus, describeMissingBus(named.bus, buses));
  if (!bus.hotplug.possible) return refusedChoice(named.bus, bus.hotplug.reason);
  const { first, last } = bus.hotplug.slots;
  const isWithin = named.slot === undefined || (named.slot >= first && named.slot <= last);
  if (!isWithin) return refusedChoice(describeSlotName(named), `it takes slots ${first} to ${last} only`);
  // where only the bus is named, the device stays where it is on it: moving it would interrupt the guest
  const stays = current?.bus === bus.bus ? [current.slot] : [];
  const candidates =
    named.slot !== undefined
      ? [named.slot]
      : [...stays, ...Array.from({ length: last - first + 1 }, (_, i) => last - i)];
  const slot = candidates.find((candidate) => isSlotFree(bus, candidate));
  if (slot === undefined) return refusedChoice(describeSlotName(named), `it is taken: ${describeBus(bus)}`);
  return { slot: { bus: bus.bus, slot, kind: bus.hotplug.kind } };
}

function describeMissingBus(name: string, buses: readonly GuestBus[]): string {
  const others = `it has ${buses.map((one) => one.bus).join(", ") || "none"}`;
  return name === EXPRESS_ROOT
    ? `QEMU hot-plugs nothing on the root bus of a PCI Express machine. Use a root port; ${others}`
    : `the guest has no such bus; ${others}`;
}

function describeSlotName(named: NamedSlot): string {
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
