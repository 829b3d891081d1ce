import { DETACH_CHECKS, findRefusals, throwRefusals } from "./checks";
import { checkUnidentified } from "./checks/unidentified";
import { hasOtherIncarnation } from "./claim";
import type { DesiredAttachment, PriorAttachment, PriorFunction } from "./desired";
import {
  hasEnded,
  isReattachedByLibvirt,
  planAwaitReattach,
  planRestore,
  releaseStep,
  type GiveBackStep,
} from "./give-back";
import type { LedgerLocation } from "./ledger-entry";
import type { Observation, OwnedResources } from "./observation";
import { findOwned } from "./owned";
import { planUnconfigure } from "./plan-configuration";
import { planUnplug } from "./plan-unplug";
import type { Plan, Step } from "./step";
import { findWaiting } from "./waiting";
import { findDisconnects } from "./warnings/disconnects";

/**
 * Steps that give back everything the owner has; none where it has nothing. The guest's configuration loses
 * it first: a guest that does not let go of the device is then rid of it at the latest with its next cold
 * boot.
 *
 * @param prior of the state that asks: what another state of the same token has in the configuration is left
 *   alone. Whether the attachment itself is another's is asked before.
 * @param desired of a program that gives it up; undefined for the way back of an operation, which no
 *   connection through the guest holds up
 */
export function planDetach(
  observation: Observation,
  ownerToken: string,
  prior?: PriorAttachment,
  desired?: Pick<DesiredAttachment, "allowDisconnect" | "guestSlot">,
): Plan {
  const found = findOwned(observation, ownerToken);
  const owned = found && prior ? withoutAnothers(found, prior) : found;
  const giveBackSteps = planGiveBack(observation, owned, prior);
  if (owned === undefined) {
    throwRefusals(checkUnidentified({ observation, giveBackSteps }));
    return { steps: giveBackSteps };
  }
  if (isLeftInGuest(observation, owned)) return planLeaveInGuest(observation, owned);
  const ownAddresses = owned.held;
  const context = { observation, owned, ownAddresses, toUnplug: owned.plugged, giveBackSteps };
  throwRefusals(findRefusals(DETACH_CHECKS, { ...context, ...(desired && { desired }) }));
  const warnings = desired === undefined ? [] : findDisconnects({ ...context, desired });
  return {
    ...(warnings.length > 0 && { warnings }),
    steps: [
      ...planUnconfigure(owned),
      ...planUnplug(observation, owned.plugged),
      ...planAwaitReattach(owned.tag, owned.pluggedByLibvirt),
      ...giveBackSteps,
      ...planErase(observation, owned),
    ],
  };
}

/**
 * Whether an older libvirt's guest runs with what a cold boot has plugged. libvirt would hand that back
 * function by function, each at its event, while QEMU has the group open for the others, of which kernels
 * before 5.19 die (vfio_iommu_group_notifier). What was attached live has an entry until all of it is gone,
 * and at most one function that libvirt has plugged.
 */
function isLeftInGuest(observation: Observation, owned: OwnedResources): boolean {
  const { pluggedByLibvirt, configured, entry } = owned;
  if (observation.olderLibvirt === undefined || hasEnded(observation)) return false;
  if (configured.length > 0 || pluggedByLibvirt.length > 1) return true;
  return pluggedByLibvirt.length > 0 && entry === undefined;
}

/**
 * The configuration loses it, and the guest at its end, when libvirt gives back what it has bound. The entry
 * goes first: without it, what is configured is found by its alias still.
 */
function planLeaveInGuest(observation: Observation, owned: OwnedResources): Plan {
  const left = owned.plugged.map((one) => one.hostAddress);
  return {
    steps: [...planErase(observation, owned), ...planUnconfigure(owned)],
    ...(left.length > 0 && { staysUntilShutOff: left }),
  };
}

/** What is held, and what an earlier, cut-off release left without its driver. */
function planGiveBack(
  observation: Observation,
  owned: OwnedResources | undefined,
  prior: PriorAttachment | undefined,
): GiveBackStep[] {
  const waiting = findWaiting(observation, owned, prior);
  if (owned === undefined) return planRestore(observation, waiting, []);
  const { held, pluggedByLibvirt, entry } = owned;
  const known = withWaiting((entry ?? prior)?.functions ?? [], waiting);
  return [
    ...held
      .filter((hostAddress) => !isReattachedByLibvirt(observation, owned, hostAddress))
      .map((hostAddress) => releaseStep(owned, hostAddress, prior)),
    ...planRestore(observation, known, held, pluggedByLibvirt.length > 0),
  ];
}

/** One step for both places, unless one of the entries has lost its incarnation: erasing compares it. */
function planErase({ ledgerLocation }: Observation, { liveEntry, configuredEntry }: OwnedResources): Step[] {
  const live: LedgerLocation = ledgerLocation ?? "live";
  if (liveEntry !== undefined && liveEntry.incarnation === configuredEntry?.incarnation)
    return [
      {
        kind: "erase",
        entry: liveEntry,
        locations: [live, ...(configuredEntry ? ["configuration" as const] : [])],
      },
    ];
  return [
    ...(liveEntry ? [{ kind: "erase", entry: liveEntry, locations: [live] } as const] : []),
    ...(configuredEntry
      ? [{ kind: "erase", entry: configuredEntry, locations: ["configuration"] } as const]
      : []),
  ];
}

/** What the guest's configuration has of another state of the same token is not this one's to take out. */
function withoutAnothers(owned: OwnedResources, prior: PriorAttachment): OwnedResources {
  const { configuredEntry, ...rest } = owned;
  if (!hasOtherIncarnation(configuredEntry, prior)) return owned;
  return { ...rest, configured: [] };
}

/** What is known of an attachment's functions, with those that wait for their host driver. */
function withWaiting(known: readonly PriorFunction[], waiting: readonly PriorFunction[]): PriorFunction[] {
  return [
    ...known,
    ...waiting.filter((one) => !known.some((other) => other.hostAddress === one.hostAddress)),
  ];
}
