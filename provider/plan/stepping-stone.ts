import { providerError } from "../errors";
import { findFreeSlot, type FunctionMapping, type GuestBus, type GuestSlot } from "../pci";
import type { Refusal } from "./checks/refusal";
import { listFunctions } from "./list-functions";
import { aliasOf } from "./identifiers";
import type { LedgerEntry } from "./ledger-entry";
import type { Observation, PluggedFunction } from "./observation";

const ADD_A_PORT =
  "Add a port to its configuration for the next boot: <controller type='pci' model='pcie-root-port'/>";

/** For each IOMMU group of a set, the function that libvirt plugs alone for a moment, and where. */
export interface SteppingStones {
  readonly spareSlot: GuestSlot;
  readonly groups: readonly {
    readonly stone: FunctionMapping;
    /** Functions of its group other than it and guest function 0: they keep the group open meanwhile. */
    readonly others: readonly FunctionMapping[];
  }[];
}

/** The stones of a set; or why it cannot have any. Neither where it needs none. */
export interface StoneChoice {
  readonly stones?: SteppingStones;
  readonly refusals: readonly Refusal[];
}

/**
 * How QEMU comes to open the groups of a set where libvirt is older: while the stone
 * of a group is in the spare slot, another function of the same group goes into the slot of the attachment.
 * The stone is always one of the wanted functions, and guest function 0 only where its group has just one
 * other.
 *
 * @param buses without what the owner has plugged, which goes before
 */
export function findSteppingStones(
  { observation, map }: { readonly observation: Observation; readonly map: readonly FunctionMapping[] },
  buses: readonly GuestBus[],
  slot: GuestSlot,
): StoneChoice {
  const { olderLibvirt, guest } = observation;
  if (olderLibvirt === undefined) return { refusals: [] };
  const impossible = (reason: string, cure: string): Refusal =>
    providerError("STEPPING_STONE_IMPOSSIBLE", {
      version: olderLibvirt.version,
      guest: guest.name,
      reason,
      cure,
    });
  const groups = byGroup(observation, map).map(({ group, members }) => ({
    group,
    members,
    ...stoneOf(members),
  }));
  const alone = groups.find((one) => one.stone === undefined);
  const spareSlot = findFreeSlot(buses.filter(isNamedByLibvirt).map((bus) => without(bus, slot)));
  const refusals = [
    ...(guest.runState === "paused"
      ? [impossible("the guest is paused, and has to let go of that function in between", "Resume the guest")]
      : []),
    ...(alone === undefined ? [] : [impossible(describeAlone(alone), "Name functions that share a group")]),
    ...(spareSlot === undefined
      ? [impossible("the guest has no second free hotplug slot for that", ADD_A_PORT)]
      : []),
  ];
  if (refusals.length > 0 || spareSlot === undefined) return { refusals };
  const withStones = groups.flatMap(({ stone, others }) => (stone === undefined ? [] : [{ stone, others }]));
  return { refusals, stones: { spareSlot, groups: withStones } };
}

function byGroup(
  { functions }: Observation,
  map: readonly FunctionMapping[],
): { readonly group: number | undefined; readonly members: readonly FunctionMapping[] }[] {
  const groups = new Map<number | undefined, FunctionMapping[]>();
  for (const one of map) {
    const group = functions.get(one.hostAddress)?.iommuGroup;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  return [...groups].map(([group, members]) => ({ group, members }));
}

/** The stone among the wanted functions of a group, if it has two or more. */
function stoneOf(members: readonly FunctionMapping[]): {
  readonly stone: FunctionMapping | undefined;
  readonly others: readonly FunctionMapping[];
} {
  const nonZero = members
    .filter((one) => one.guestFunction !== 0)
    .sort((a, b) => a.guestFunction - b.guestFunction);
  const last = nonZero.length > 1 ? nonZero.at(-1) : members.find((one) => one.guestFunction === 0);
  const stone = members.length < 2 ? undefined : last;
  return { stone, others: nonZero.filter((one) => one !== stone) };
}

function describeAlone({
  group,
  members,
}: {
  readonly group: number | undefined;
  readonly members: readonly FunctionMapping[];
}): string {
  const alone = listFunctions(members.map((one) => one.hostAddress));
  return `${alone} is the only function wanted of IOMMU group ${group}, and QEMU closes the group when that function leaves`;
}

/**
 * Whether a plugged function is the stone of an operation that was cut off: no more than a way for QEMU to
 * open a group. An older libvirt gives its alias for an id to stones, and to what is all of an attachment;
 * only a stone is elsewhere than the entry says.
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
