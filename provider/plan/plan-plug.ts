import { isAcpiSlot, type GuestSlot } from "../pci";
import { aliasOf, findTagOfAlias, findTagOfQemuId } from "./identifiers";
import type { Observation } from "./observation";
import type { SteppingStones } from "./stepping-stone";
import type { PlugTarget, Step, TakenFunction } from "./step";

/**
 * How long unasked removals were seen to follow a plug into a native slot of QEMU before 6.
 */
const SWEEP_WATCH_MS = 500;

/**
 * Functions other than 0 in order, then 0, then a look whether they are all there.
 */
export function planPlug(
  observation: Observation,
  tag: string,
  slot: GuestSlot,
  targets: readonly PlugTarget[],
  stones?: SteppingStones,
): Step[] {
  const pinsBytes = memoryToPin(observation, tag);
  const pins = pinsBytes === undefined ? {} : { pinsBytes };
  const plugStep = (target: PlugTarget): Step => ({
    kind: "plug",
    slot,
    target,
    multifunction: target.guestFunction === 0 && targets.length > 1,
  });
  const [stonesShown, shown] = stones ? planStones(tag, targets, stones, plugStep) : [[], []];
  const plugs = targets
    .filter((one) => !shown.includes(one))
    .sort((a, b) => (a.guestFunction || Infinity) - (b.guestFunction || Infinity))
    .map(plugStep);
  const [first, ...others] = [...stonesShown, ...plugs];
  return [
    ...(first === undefined ? [] : [{ ...first, ...pins }]),
    ...others,
    confirmStep(observation, slot, targets),
  ];
}

/** One group after the other, because they share the spare slot; and what is plugged on the way. */
function planStones(
  tag: string,
  targets: readonly PlugTarget[],
  { spareSlot, groups }: SteppingStones,
  plugStep: (target: PlugTarget) => Step,
): [Step[], PlugTarget[]] {
  const plugged: PlugTarget[] = [];
  const steps = groups.flatMap(({ stone, others }): Step[] => {
    const target = { ...stone, guestFunction: 0, qemuId: aliasOf(tag, stone.hostAddress) };
    const ofGroup = targets.filter((one) => others.some((o) => o.hostAddress === one.hostAddress));
    plugged.push(...ofGroup);
    return [
      { kind: "plug-stepping-stone", slot: spareSlot, target },
      ...ofGroup.map(plugStep),
      { kind: "unplug-stepping-stone", slot: spareSlot, target },
    ];
  });
  return [steps, plugged];
}

/** Libvirt takes and plugs it; QEMU is asked whether it has it all the same. */
export function planSingle(
  observation: Observation,
  tag: string,
  slot: GuestSlot,
  targets: readonly PlugTarget[],
  taken: TakenFunction,
): Step[] {
  const pinsBytes = memoryToPin(observation, tag);
  const attaches = targets.map((target): Step => ({
    kind: "attach-single",
    ...taken,
    slot,
    target,
    ...(pinsBytes !== undefined && { pinsBytes }),
  }));
  return [...attaches, confirmStep(observation, slot, targets)];
}

/**
 * In an ACPI slot a late eject notification may be left by whoever asked for a removal, not only by this
 * plan: by an earlier operation, or beside any event of another slot. So what is plugged there is watched,
 * always.
 */
function confirmStep(observation: Observation, slot: GuestSlot, functions: readonly PlugTarget[]): Step {
  const isOldNative = slot.kind === "pcie-native" && Number.parseInt(observation.guest.qemuVersion, 10) < 6;
  const isWatched = isAcpiSlot(slot.kind) || isOldNative;
  return { kind: "confirm", slot, functions, isWatched, watchMs: isOldNative ? SWEEP_WATCH_MS : 0 };
}

/**
 * What the first plug pins: all of the guest's memory, unless something else of VFIO's keeps it pinned. Of
 * what is the owner's own nothing is plugged at that time.
 */
function memoryToPin({ guest, plugged, holdings }: Observation, tag: string): number | undefined {
  const isPinned =
    plugged.some((one) => findTagOfQemuId(one.qemuId) !== tag) ||
    holdings.some(
      (one) => one.guest.uuid === guest.uuid && !one.isUnassigned && findTagOfAlias(one.alias) !== tag,
    );
  return isPinned ? undefined : guest.memoryBytes;
}
