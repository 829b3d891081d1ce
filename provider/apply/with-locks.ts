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

/** What {@link withLocks} takes locks for. */
export interface LockRequest {
  readonly scope: LockScope;
  /** Ends the waiting and the observation; the body is on its own. */
  readonly deadline: Deadline;
  /** Ends them as well. */
  readonly signal?: AbortSignal;
}

/** What is to be locked. */
interface Targets {
  readonly guests: ReadonlySet<string>;
  readonly groups: readonly number[];
}

/**
 * Runs the body while it holds the lock of the guest and of every IOMMU group it may touch, always taken in
 * the same order: guest, then groups by number. The observation under the locks may find further groups
 * (functions of the owner's that only the ledger names), or another guest than the one that was there before
 * the wait. Then all are released and taken again with what was found; the deadline alone ends that. The
 * groups of the guest's other attachments are theirs: with many in one guest, each would else come back to
 * the end of the queue for every other.
 *
 * If the host has neither such a guest nor such a function, there is nothing to lock: the body is then run to
 * say so, with locks that count as lost, so that it changes nothing.
 */
export async function withLocks<T>(
  { host, lock }: Hypervisor,
  request: LockRequest,
  body: (locked: Locked) => Promise<T>,
): Promise<T> {
  const { scope, deadline } = request;
  const signal = anySignal(deadline.signal, request.signal);
  const identity = await host.readIdentity(scope, signal);
  const made = uuidsOf({ uuid: scope.guestUuid });
  let targets: Targets = {
    guests: new Set([...made, ...uuidsOf({ ...identity, uuid: identity.guestUuid })]),
    groups: identity.iommuGroups,
  };
  for (;;) {
    signal.throwIfAborted();
    const names = lockNames(targets);
    const locks = names.length === 0 ? NO_LOCKS : await lock.acquire(names, signal, deadline);
    try {
      const lost = new AbortController();
      void locks.lost.then((cause) => lost.abort(cause));
      const observing = names.length === 0 ? signal : anySignal(signal, lost.signal);
      const observation = await host.observe(scope, observing);
      const found = targetsIn(observation, scope);
      if (areCovered(found, targets)) {
        if (found.guests.size > 0) host.keepTo?.(observation.guest.uuid);
        return await body({ observation, lost: lost.signal });
      }
      targets = {
        guests: found.guests.size > 0 ? new Set([...made, ...found.guests]) : targets.guests,
        groups: [...targets.groups, ...found.groups],
      };
    } finally {
      await locks.release();
    }
  }
}

function lockNames({ guests, groups }: Targets): string[] {
  return [
    ...[...guests].sort().map((uuid) => `guest-${uuid}`),
    ...[...new Set(groups)].sort((a, b) => a - b).map((group) => `group-${group}`),
  ];
}

function targetsIn(observation: Observation, { addresses, ownerToken }: LockScope): Targets {
  const isNamed = (hostAddress: PciAddress): boolean =>
    addresses.some((name) => name === hostAddress || name === slotOf(hostAddress));
  return {
    guests: uuidsOf(observation.guest),
    groups: [...touchedGroups(observation, ownerToken, isNamed)],
  };
}

function areCovered(found: Targets, locked: Targets): boolean {
  return (
    [...found.guests].every((uuid) => locked.guests.has(uuid)) &&
    found.groups.every((group) => locked.groups.includes(group))
  );
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
