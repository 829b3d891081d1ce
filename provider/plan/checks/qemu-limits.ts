import { providerError } from "../../errors";
import type { ChosenSlot } from "../chosen-slot";
import type { QemuLimits } from "../observation";
import type { Refusal } from "./refusal";

/**
 * libvirt's own margin over the guest's memory, for what else QEMU locks (qemuDomainGetMemLockLimitBytes).
 */
const MARGIN_BYTES = 1024 ** 3;
const MIB = 1024 ** 2;

/**
 * Refuses, before anything is held, what an unprivileged QEMU could not do with it: open the node of a group,
 * lock the guest's memory. VFIO pins all of that, and QEMU's own error tells neither.
 */
export function checkQemuLimits(context: ChosenSlot): Refusal[] {
  const { qemuLimits } = context.observation;
  if (!context.isToBePlugged) return [];
  return [
    ...(qemuLimits === undefined
      ? []
      : [...closedNodes(context, qemuLimits), ...lockedMemory(context, qemuLimits)]),
    ...hardLimit(context),
  ];
}

/**
 * The node of a group that somebody else has is theirs, and is not to be given to this QEMU: they are told
 * of.
 */
function closedNodes(context: ChosenSlot, limits: QemuLimits): Refusal[] {
  const { observation, members, heldByOthers } = context;
  const groupsOf = (isHeld: boolean): Set<number | undefined> =>
    new Set(
      [...members.values()]
        .filter((one) => !isHeld || heldByOthers.has(one.hostAddress))
        .map((one) => one.iommuGroup),
    );
  const [touched, taken] = [groupsOf(false), groupsOf(true)];
  const { pid, user } = limits;
  return limits.closedNodes
    .filter(({ iommuGroup }) => touched.has(iommuGroup) && !taken.has(iommuGroup))
    .map(({ path, owner }) =>
      providerError("GROUP_NODE_CLOSED", {
        guest: observation.guest.name,
        pid,
        user,
        path,
        ...(owner !== undefined && { owner }),
      }),
    );
}

function lockedMemory(context: ChosenSlot, limits: QemuLimits): Refusal[] {
  const { pid, user, unit, lockedMemoryBytes } = limits;
  const neededBytes = pinnedBytes(context) + MARGIN_BYTES;
  if (lockedMemoryBytes === undefined || lockedMemoryBytes >= neededBytes) return [];
  const process = { pid, user, ...(unit !== undefined && { unit }) };
  return [memlockError(context, { process, limitBytes: lockedMemoryBytes, neededBytes })];
}

/** libvirt lets QEMU lock what its own margin asks for, unless the configuration has a limit of its own. */
function hardLimit(context: ChosenSlot): Refusal[] {
  const { hardLimitBytes } = context.observation.guest;
  const bytes = pinnedBytes(context);
  if (hardLimitBytes === undefined || hardLimitBytes >= bytes) return [];
  return [memlockError(context, { limitBytes: hardLimitBytes, neededBytes: bytes + MARGIN_BYTES })];
}

/** All of the guest's memory; with a virtual IOMMU once for each device, which each maps by itself. */
function pinnedBytes({ observation: { guest, plugged }, map, owned }: ChosenSlot): number {
  const others = plugged.filter((one) => !owned.plugged.includes(one)).length;
  const times = guest.virtualIommu === undefined ? 1 : others + map.length;
  return (guest.memoryBytes ?? 0) * times;
}

function memlockError(
  { observation: { guest }, map }: ChosenSlot,
  found: {
    readonly process?: { readonly pid: number; readonly user: string; readonly unit?: string };
    readonly limitBytes: number;
    readonly neededBytes: number;
  },
): Refusal {
  return providerError("MEMLOCK_TOO_LOW", {
    guest: guest.name,
    ...found.process,
    limitMiB: Math.floor(found.limitBytes / MIB),
    memoryMiB: Math.ceil((guest.memoryBytes ?? 0) / MIB),
    neededBytes: found.neededBytes,
    isOncePerDevice: guest.virtualIommu !== undefined && map.length > 0,
  });
}
