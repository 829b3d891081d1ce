import { slotOf, type PciAddress } from "../pci";
import { touchedGroups, type Observation } from "../plan";
import { anySignal } from "../async/abort";
import type { Deadline } from "../async/deadline";
import type { HeldLocks, Hypervisor, ObservationQuery } from "./ports";

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
  /** UUID to lock in any case, also where the host has no such guest any more. */
  readonly guestUuid?: string;
}

/**
 * Runs the body while it holds the lock of the guest and of every IOMMU group it may touch, always taken
 * in the same order: guest, then groups by number. Where the look under the locks finds further groups
 * (functions of the owner's that only the ledger names), or another guest than the one that was there before the wait, all
 * are let go and taken again with what was found; the deadline alone ends that. The groups of the guest's other
 * attachments are theirs: with many in one guest, each would else come back to the end of the queue for every other.
 *
 * Where the host has neither such a guest nor such a function, there is nothing to lock: the body is then run to say so,
 * with locks that count as lost, so that it changes nothing.
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
  const { host, lock } = hypervisor;
  const signal = anySignal(deadline.signal, asked);
  const identity = await host.readIdentity(scope, signal);
  const made = uuidsOf({ uuid: scope.guestUuid });
  let guests = new Set([...made, ...uuidsOf({ ...identity, uuid: identity.guestUuid })]);
  let groups = identity.iommuGroups;
  for (;;) {
    signal.throwIfAborted();
    const names = [
      ...[...guests].sort().map((uuid) => `guest-${uuid}`),
      ...[...new Set(groups)].sort((a, b) => a - b).map((group) => `group-${group}`),
    ];
    const locks = names.length === 0 ? NO_LOCKS : await lock.acquire(names, signal, deadline);
    try {
      const lost = new AbortController();
      void locks.lost.then((cause) => lost.abort(cause));
      const looking = names.length === 0 ? signal : anySignal(signal, lost.signal);
      const observation = await host.observe(scope, looking);
      const found = uuidsOf(observation.guest);
      const isNamed = (hostAddress: PciAddress): boolean =>
        scope.addresses.some((name) => name === hostAddress || name === slotOf(hostAddress));
      const touched = [...touchedGroups(observation, scope.ownerToken, isNamed)];
      const areHeld =
        [...found].every((uuid) => guests.has(uuid)) && touched.every((group) => groups.includes(group));
      if (areHeld) {
        if (found.size > 0) host.keepTo?.(observation.guest.uuid);
        return await body({ observation, lost: lost.signal });
      }
      if (found.size > 0) guests = new Set([...made, ...found]);
      groups = [...groups, ...touched];
    } finally {
      await locks.release();
    }
  }
}

const NO_LOCKS: HeldLocks = {
  lost: Promise.resolve(
    new Error("nothing is locked: the host has neither such a guest nor such a function"),
  ),
  release: () => Promise.resolve(),
};

/** Every UUID by which operations may know the guest, none where there is no guest. */
function uuidsOf({
  uuid,
  otherUuids = [],
}: {
  readonly uuid?: string | undefined;
  readonly otherUuids?: readonly string[];
}): Set<string> {
  return new Set(uuid === undefined || uuid === "" ? [] : [uuid, ...otherUuids]);
}
