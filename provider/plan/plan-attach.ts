import { attachContext, type AttachContext } from "./attach-context";
import { CHECKS, findRefusals, throwRefusals } from "./checks";
import type { DesiredAttachment, PriorAttachment } from "./desired";
import type { Observation } from "./observation";
import { claimOf } from "./own-or-adopt";
import { planForRunningGuest } from "./plan-running-guest";
import { planForShutOffGuest } from "./plan-shut-off-guest";
import { namedAddresses } from "./select-functions";
import type { NextStart, Plan } from "./step";
import { findWarnings } from "./warnings";

/**
 * Ordered steps from what is there to what is wanted; throws a ProviderError that says why it cannot be.
 *
 * The order holds these invariants: the ledger is written before the first change; everything a group
 * needs is held before anything is unplugged or plugged; function 0 is plugged last; what is no longer
 * needed is released after all else, a whole IOMMU group at a time, because a release of one function
 * takes the group's device node from the guest.
 *
 * The guest's configuration follows where the guest has what is wanted, so that a cold boot on the way brings
 * back the earlier set, whole. A guest that is shut off gets what is persistent by its configuration alone.
 */
export function planAttach(
  observation: Observation,
  desired: DesiredAttachment,
  prior?: PriorAttachment,
): Plan {
  const request = { observation, desired, prior };

  // Step 1: select the functions that the program names
  const named = namedAddresses(request);

  // Step 2: own what stands under the owner token, or adopt what another has
  const context = attachContext(request, claimOf(request, named));

  // Step 3: check what speaks against it
  throwRefusals(findRefusals(CHECKS, context));
  const { outcome, owned, takesOver } = context;
  if (outcome === undefined) throw new Error("a set without a slot was not refused");

  // Step 4: order the steps
  const ordered = context.isOff
    ? planForShutOffGuest(context, outcome)
    : planForRunningGuest(context, outcome);
  const { slot, targets, entry } = outcome;
  const since = owned.entry?.since;
  const warnings = findWarnings(context);
  return {
    ...ordered,
    target: { slot, attached: targets, entry },
    ...(context.isOff && { forNextStart: nextStartOf(context) }),
    ...(takesOver && { takesOver: { ...(since !== undefined && { since }) } }),
    ...(warnings.length > 0 && { warnings }),
  };
}

function nextStartOf({ observation, toTake }: AttachContext): NextStart {
  const { guest, hostUses } = observation;
  const taken = new Set(toTake);
  return {
    guest: guest.name,
    hasSavedState: guest.hasSavedState === true,
    overriddenUses: hostUses.filter((one) => taken.has(one.hostAddress)),
  };
}
