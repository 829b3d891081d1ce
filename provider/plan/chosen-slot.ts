import { compareAddresses, type FunctionMapping, type PciAddress } from "../pci";
import { chooseSlot, isPluggedAs, type SlotChoice } from "./choose-slot";
import { isVisible } from "./claim";
import {
  findHeldByOthers,
  findLeftovers,
  groupMembers,
  heldButUnbound,
  type GroupMembers,
  type Leftover,
} from "./iommu-groups";
import type { Holding, OwnedResources, PluggedFunction } from "./observation";
import type { Claim } from "./own-or-adopt";
import { pluggedAtBoot } from "./owned";
import type { PlanRequest } from "./plan-request";
import { findSingle } from "./plan-single";
import { selectFunctions, type KnownFunctions } from "./select-functions";
import { findSteppingStones, type StoneChoice } from "./stepping-stone";
import { usableBuses } from "./usable-buses";
import { findWaiting } from "./waiting";

/** What is wanted of what is there: the first part of what the checks ask about. */
export interface SelectedFunctions extends PlanRequest {
  readonly claim: Claim;
  /** Whether the guest is shut off: only its configuration is put right then. */
  readonly isOff: boolean;
  /** What the plan starts from; of a guest that is shut off, as if it had booted. */
  readonly owned: OwnedResources;
  /** Whether a create takes over what stands under its own token, whoever made it. */
  readonly takesOver: boolean;
  /** Whether what is taken over has to stand as it is wanted already. */
  readonly hasToStand: boolean;
  /** What the ledger or the state knows of the functions: which of a whole device are meant. */
  readonly known: KnownFunctions;
  /** The functions to show, with their guest numbers. */
  readonly map: readonly FunctionMapping[];
}

/** The IOMMU groups of what is wanted: the second part. */
export interface TouchedGroups extends SelectedFunctions {
  readonly members: GroupMembers;
  readonly leftovers: readonly Leftover[];
  /** All that has to be held: what is shown, and the leftovers. */
  readonly needed: readonly PciAddress[];
  /** Those of the needed functions that are not held yet. */
  readonly toHold: readonly PciAddress[];
  /** Members that somebody else holds; of a guest that is shut off, only where it is to get anything. */
  readonly heldByOthers: ReadonlyMap<PciAddress, Holding>;
  /** Needed functions that are shown to nobody. */
  readonly heldOnly: readonly PciAddress[];
  /** Held functions that are no longer needed. */
  readonly dropped: readonly PciAddress[];
  /** The dropped ones, and those whose release was cut off earlier. */
  readonly givenUp: readonly PciAddress[];
}

/** The guest's slot for it: the third part. */
export interface ChosenSlot extends TouchedGroups {
  readonly slotChoice: SlotChoice;
  /** Whether the set stands in that slot already. */
  readonly isPlugged: boolean;
  /** Whether the guest is to get the set now; the next boot of a guest that is shut off does that. */
  readonly isToBePlugged: boolean;
  /** Held functions that somebody has taken from VFIO's driver. */
  readonly toHoldAgain: readonly PciAddress[];
  /** All that the host loses now; of a guest that is shut off, at its next start. */
  readonly toTake: readonly PciAddress[];
  /** What the guest loses first. */
  readonly toUnplug: readonly PluggedFunction[];
  /** The one function that libvirt takes and plugs by itself. */
  readonly single: FunctionMapping | undefined;
  readonly stoneChoice: StoneChoice;
}

/**
 * Finds out what is there and where it would go, also where something speaks against it: the checks ask that.
 */
export function chosenSlotOf(request: PlanRequest, claim: Claim): ChosenSlot {
  return withSlot(withGroups(withSelection(request, claim)));
}

function withSelection(request: PlanRequest, claim: Claim): SelectedFunctions {
  const { observation, desired, prior } = request;
  const isOff = observation.guest.runState === "off";
  const owned = isOff ? asConfigured(claim.owned) : claim.owned;
  // of a create that would resume what a crash left, and of another stack's, the host alone tells nothing:
  // what the guest sees decides (docs/internals/decisions/0074-incarnation.md)
  const takesOver = prior === undefined && !claim.isTaken && isVisible(observation, owned);
  const hasToStand = takesOver && !desired.adopt;
  const known = hasToStand ? undefined : (owned.entry ?? prior);
  const map = selectFunctions(request, known);
  return { ...request, claim, isOff, owned, takesOver, hasToStand, known, map };
}

function withGroups(selected: SelectedFunctions): TouchedGroups {
  const { observation, owned, map, isOff } = selected;
  const members = groupMembers(observation, map);
  const leftovers = findLeftovers(selected, members);
  const ofLeftovers = leftovers.map((one) => one.hostAddress);
  const needed = [...map.map((one) => one.hostAddress), ...ofLeftovers].sort(compareAddresses);
  const toHold = needed.filter((hostAddress) => !owned.held.includes(hostAddress));
  const kept = owned.held.filter((hostAddress) => members.has(hostAddress));
  const dropped = owned.held.filter((hostAddress) => !members.has(hostAddress));
  return {
    ...selected,
    members,
    leftovers,
    needed,
    toHold,
    // a group has one user: even a member on vfio-pci is no longer safe once it is held for someone else,
    // whose release would take the group's node from this guest or hand a function back under it
    heldByOthers: findHeldByOthers(observation, owned, isOff && toHold.length === 0 ? [] : members.keys()),
    heldOnly: [...new Set([...kept, ...ofLeftovers])]
      .filter((hostAddress) => !map.some((one) => one.hostAddress === hostAddress))
      .sort(compareAddresses),
    dropped,
    givenUp: [...dropped, ...releasedEarlier(selected, members)],
  };
}

function withSlot(touched: TouchedGroups): ChosenSlot {
  const { observation, owned, map, members, isOff, toHold } = touched;
  const slotChoice = chooseSlot(touched);
  const { slot } = slotChoice;
  const isPlugged = slot !== undefined && isPluggedAs(owned, map, slot);
  const isToBePlugged = !isPlugged && !isOff;
  const toHoldAgain = isToBePlugged ? heldButUnbound(owned, members) : [];
  const target = isToBePlugged ? slot : undefined;
  const single = target && findSingle(observation, owned, map, target);
  return {
    ...touched,
    slotChoice,
    isPlugged,
    isToBePlugged,
    toHoldAgain,
    toTake: isOff ? takenAtStart(touched) : [...toHold, ...toHoldAgain],
    toUnplug: isToBePlugged ? owned.plugged : [],
    single,
    stoneChoice:
      target === undefined || single !== undefined
        ? { refusals: [] }
        : findSteppingStones(touched, usableBuses(touched), target),
  };
}

/**
 * A guest that is shut off has what its configuration gives it: it is looked at as if it had booted, so that
 * the same questions find what differs.
 */
function asConfigured(owned: OwnedResources): OwnedResources {
  return {
    ...owned,
    held: owned.configured.map((one) => one.hostAddress),
    pluggedByLibvirt: [],
    plugged: pluggedAtBoot(owned),
  };
}

/**
 * What the host loses when the guest is started, and was not asked about before. What stands on record was:
 * the host has it as long as the guest is shut off, and uses it as it did before.
 */
function takenAtStart({ desired, owned, toHold }: TouchedGroups): PciAddress[] {
  const recorded = (owned.entry?.functions ?? []).map((one) => one.hostAddress);
  return desired.goesBack ? [] : toHold.filter((hostAddress) => !recorded.includes(hostAddress));
}

/**
 * Functions that a cut-off release gave back: the ledger names them until their drivers have been seen. Where
 * the ledger has gone, the state names those that wait for theirs.
 */
function releasedEarlier(
  { observation, owned, prior }: SelectedFunctions,
  members: GroupMembers,
): PciAddress[] {
  const known = [...(owned.entry?.functions ?? []), ...findWaiting(observation, owned, prior)];
  return [...new Set(known.map((one) => one.hostAddress))].filter(
    (hostAddress) => !members.has(hostAddress) && !owned.held.includes(hostAddress),
  );
}
