import { providerError } from "../../errors";
import type { HostFunction } from "../../host/facts";
import type { Observation } from "../observation";

/** libvirt's own margin over the guest's memory, for what else QEMU locks (qemuDomainGetMemLockLimitBytes). */
const MARGIN_BYTES = 1024 ** 3;
const MIB = 1024 ** 2;

/**
 * Refuses, before anything is held, what an unprivileged QEMU could not do with it: open the node of a group, lock the
 * guest's memory. VFIO pins all of that, and QEMU's own error tells neither.
 *
 * @param members every function of the groups that are touched
 */
export function refuseQemuLimits(observation: Observation, members: readonly HostFunction[]): void {
  const { qemuLimits, guest } = observation;
  if (qemuLimits === undefined) return;
  const { pid, user, unit, lockedMemoryBytes } = qemuLimits;
  const who = { guest: guest.name, pid, user };
  const groups = new Set(members.map((one) => one.iommuGroup));
  const closed = qemuLimits.closedNodes.find((one) => groups.has(one.iommuGroup));
  if (closed !== undefined) {
    const { path, owner } = closed;
    throw providerError("GROUP_NODE_CLOSED", { ...who, path, ...(owner !== undefined && { owner }) });
  }
  const neededBytes = (guest.memoryBytes ?? 0) + MARGIN_BYTES;
  if (lockedMemoryBytes === undefined || lockedMemoryBytes >= neededBytes) return;
  throw providerError("MEMLOCK_TOO_LOW", {
    ...who,
    ...(unit !== undefined && { unit }),
    limitMiB: Math.floor(lockedMemoryBytes / MIB),
    memoryMiB: Math.ceil((guest.memoryBytes ?? 0) / MIB),
    neededBytes,
  });
}
