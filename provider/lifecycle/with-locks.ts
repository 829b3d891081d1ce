import { slotOf, type PciAddress } from "../pci";
import { touchedGroups, type Observation } from "../plan";
import { anySignal, type Deadline } from "./deadline";
import type { Hypervisor, ObservationQuery } from "./ports";

/** An operation that holds its locks. */
export interface Locked {
  /** Looked at under the locks. */
  readonly observation: Observation;
  /** Aborted when the locks are lost: nothing more may be sent then, not even to undo. */
  readonly lost: AbortSignal;
}

/** What an operation is locked for. */
export interface LockScope extends ObservationQuery {
  readonly ownerToken: string;
  /** UUID to lock where the host has no such guest any more. */
  readonly guestUuid?: string;
}

/**
 * Runs the body while it holds the lock of the guest and of every IOMMU group it may touch, always taken
 * in the same order: guest, then groups by number. Where the look under the locks finds further groups
 * (functions of the owner's that only the ledger names), all are let go and taken again. The groups of the guest's other
 * attachments are theirs: with many in one guest, each would else come back to the end of the queue for every other.
 *
 * @param deadline ends the waiting and the look, and so does `asked`; the body is on its own.
 */
export async function withLocks<T>(
  hypervisor: Hypervisor,
  scope: LockScope,
  deadline: Deadline,
  asked: AbortSignal | undefined,
  body: (locked: Locked) => Promise<T>,
): Promise<T> {
  const signal = anySignal(deadline.signal, ...(asked ? [asked] : []));
  const identity = await hypervisor.host.identify(scope, signal);
  const guestUuid = identity.guestUuid ?? scope.guestUuid;
  let groups = identity.iommuGroups;
  for (;;) {
    const names = [
      ...(guestUuid === undefined ? [] : [`guest-${guestUuid}`]),
      ...[...new Set(groups)].sort((a, b) => a - b).map((group) => `group-${group}`),
    ];
    const locks = await hypervisor.lock.acquire(names, signal, deadline);
    try {
      const lost = new AbortController();
      void locks.lost.then((cause) => lost.abort(cause));
      const observation = await hypervisor.host.observe(scope, anySignal(signal, lost.signal));
      const isNamed = (address: PciAddress): boolean =>
        scope.addresses.some((name) => name === address || name === slotOf(address));
      const touched = [...touchedGroups(observation, scope.ownerToken, isNamed)];
      if (touched.every((group) => groups.includes(group)))
        return await body({ observation, lost: lost.signal });
      groups = [...groups, ...touched];
    } finally {
      await locks.release();
    }
  }
}
