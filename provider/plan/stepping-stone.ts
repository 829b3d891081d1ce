import { providerError } from "../errors";
import { findFreeSlot, type FunctionMapping, type GuestBus, type GuestSlot } from "../pci";
import { listFunctions } from "./describe";
import { aliasOf } from "./identifiers";
import type { LedgerEntry, Observation, PluggedFunction } from "./observation";

/** For each IOMMU group of a set, the function that libvirt plugs alone for a moment, and where. */
export interface SteppingStones {
  readonly spareSlot: GuestSlot;
  readonly groups: readonly {
    readonly stone: FunctionMapping;
    /** Functions of its group other than it and guest function 0: they keep the group open meanwhile. */
    readonly others: readonly FunctionMapping[];
  }[];
}

/**
 * How QEMU comes to open the groups of a set where libvirt is older (libvirt.md, Versions): while the stone of a group is in
 * the spare slot, another function of the same group goes into the slot of the attachment. The stone is always one of the
 * wanted functions, and guest function 0 only where its group has just one other.
 *
 * @param buses without what the owner has plugged, which goes before
 * @throws ProviderError STEPPING_STONE_IMPOSSIBLE
 */
export function findSteppingStones(
  observation: Observation,
  buses: readonly GuestBus[],
  map: readonly FunctionMapping[],
  slot: GuestSlot,
): SteppingStones | undefined {
  const { olderLibvirt, guest } = observation;
  if (olderLibvirt === undefined) return undefined;
  const refuse = (reason: string, cure: string): Error =>
    providerError("STEPPING_STONE_IMPOSSIBLE", {
      version: olderLibvirt.version,
      guest: guest.name,
      reason,
      cure,
    });
  if (guest.runState === "paused")
    throw refuse("the guest is paused, and has to let go of that function in between", "Resume the guest");
  const byGroup = new Map<number | undefined, FunctionMapping[]>();
  for (const one of map) {
    const group = observation.functions.get(one.hostAddress)?.iommuGroup;
    byGroup.set(group, [...(byGroup.get(group) ?? []), one]);
  }
  const groups = [...byGroup].map(([group, members]) => {
    const nonZero = members
      .filter((one) => one.guestFunction !== 0)
      .sort((a, b) => a.guestFunction - b.guestFunction);
    const stone = nonZero.length > 1 ? nonZero.at(-1) : members.find((one) => one.guestFunction === 0);
    if (members.length < 2 || stone === undefined) {
      const alone = listFunctions(members.map((one) => one.hostAddress));
      throw refuse(
        `${alone} is the only function wanted of IOMMU group ${group}, and QEMU closes the group when that function leaves`,
        `Name functions that share a group`,
      );
    }
    return { stone, others: nonZero.filter((one) => one !== stone) };
  });
  const spareSlot = findFreeSlot(buses.filter(isNamedByLibvirt).map((bus) => without(bus, slot)));
  if (spareSlot !== undefined) return { spareSlot, groups };
  throw refuse(
    "the guest has no second free hotplug slot for that",
    "Add a port to its configuration for the next boot: <controller type='pci' model='pcie-root-port'/>",
  );
}

/**
 * Whether a plugged function is the stone of an operation that was cut off: no more than a way for QEMU to open a group. An
 * older libvirt gives its alias for an id to stones, and to what is all of an attachment; only a stone is elsewhere than the
 * entry says.
 */
export function isSteppingStone(
  { olderLibvirt }: Pick<Observation, "olderLibvirt">,
  entry: LedgerEntry | undefined,
  { qemuId, hostAddress, bus, slot }: PluggedFunction,
): boolean {
  if (olderLibvirt === undefined || entry === undefined) return false;
  const isElsewhere = bus !== entry.slot.bus || slot !== entry.slot.slot;
  const isOneOfSeveral = entry.functions.filter((one) => one.guestFunction !== undefined).length > 1;
  return isElsewhere && isOneOfSeveral && qemuId === aliasOf(entry.tag, hostAddress);
}

/** libvirt names the buses of further PHBs otherwise than QEMU does. */
function isNamedByLibvirt({ hotplug }: GuestBus): boolean {
  return !(hotplug.possible && hotplug.kind === "pseries");
}

function without(bus: GuestBus, { bus: name, slot }: GuestSlot): GuestBus {
  return bus.bus === name ? { ...bus, reservedSlots: [...bus.reservedSlots, slot] } : bus;
}
