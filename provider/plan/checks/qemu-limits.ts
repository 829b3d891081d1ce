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
  if (qemuLimits === undefined || !context.isToBePlugged) return [];
  return [...closedNodes(context, qemuLimits), ...lockedMemory(context, qemuLimits)];
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

function lockedMemory({ observation: { guest } }: ChosenSlot, limits: QemuLimits): Refusal[] {
  const { pid, user, unit, lockedMemoryBytes } = limits;
  const neededBytes = (guest.memoryBytes ?? 0) + MARGIN_BYTES;
  if (lockedMemoryBytes === undefined || lockedMemoryBytes >= neededBytes) return [];
  return [
    providerError("MEMLOCK_TOO_LOW", {
      guest: guest.name,
      pid,
      user,
      ...(unit !== undefined && { unit }),
      limitMiB: Math.floor(lockedMemoryBytes / MIB),
      memoryMiB: Math.ceil((guest.memoryBytes ?? 0) / MIB),
      neededBytes,
    }),
  ];
}
