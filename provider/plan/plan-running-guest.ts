import type { AttachContext } from "./attach-context";
import type { Outcome } from "./final-entry";
import { planAwaitReattach, releaseStep } from "./give-back";
import { planPlug, planSingle } from "./plan-plug";
import { entryLocations, planRecord } from "./plan-record";
import { planUnplug } from "./plan-unplug";
import type { Plan, Step } from "./step";
import { planHold, takenFunction } from "./take-functions";

/** The steps in a guest that runs, in the order that planAttach promises. */
export function planForRunningGuest(
  context: AttachContext,
  outcome: Outcome,
): Pick<Plan, "steps" | "standsAfter"> {
  const { desired, toHold, single, giveUpSteps, givenUp } = context;
  const locations = entryLocations(context);
  const untilItStands: Step[] = [
    ...planRecord(context, outcome),
    ...planHold(
      context,
      outcome,
      toHold.filter((hostAddress) => hostAddress !== single?.hostAddress),
    ),
    ...planTakeBack(context, outcome),
    ...planShow(context, outcome),
  ];
  return {
    standsAfter: untilItStands.length,
    steps: [
      ...untilItStands,
      ...outcome.configurationSteps,
      ...(desired.persistent ? [] : planForget(context)),
      ...giveUpSteps,
      ...(givenUp.length > 0 ? [{ kind: "record", entry: outcome.entry, locations } as const] : []),
    ],
  };
}

/**
 * What the ledger of the configuration forgets: all that bears this owner or this tag, which the live one has
 * lost by then. What is adopted may have one entry, and what a crash left of an earlier attach another.
 */
function planForget({ observation, desired, owned }: AttachContext): Step[] {
  return (observation.configuration?.ledger ?? [])
    .filter((entry) => entry.owner === desired.ownerToken || entry.tag === owned.tag)
    .map((entry) => ({ kind: "erase", entry, locations: ["configuration"] }));
}

/** What the guest loses first, and what is held anew because that took it from the guest, or somebody has. */
function planTakeBack(context: AttachContext, outcome: Outcome): Step[] {
  const { observation, owned, prior, members, isPlugged, toUnplug, toHoldAgain } = context;
  const goesByItself = owned.pluggedByLibvirt.filter(
    (hostAddress) => !isPlugged || !owned.plugged.some((one) => one.hostAddress === hostAddress),
  );
  // libvirt takes the group's node from the guest with what it hands back; holding that again brings it back
  const takenWithIt = goesByItself.filter((hostAddress) => members.has(hostAddress));
  return [
    ...planUnplug(observation, toUnplug),
    ...planAwaitReattach(owned.tag, goesByItself),
    ...planHold(context, outcome, takenWithIt),
    ...toHoldAgain.map((hostAddress) => releaseStep(owned, hostAddress, prior)),
    ...planHold(context, outcome, toHoldAgain),
  ];
}

/** What the guest gets. */
function planShow(context: AttachContext, outcome: Outcome): Step[] {
  const { observation, owned, isPlugged, single, stoneChoice } = context;
  const { slot, targets } = outcome;
  if (isPlugged) return [];
  if (single === undefined) return planPlug(observation, owned.tag, slot, targets, stoneChoice.stones);
  const taken = takenFunction(context, outcome, single.hostAddress);
  return planSingle(observation, owned.tag, slot, targets, taken);
}
