import type { AttachContext } from "./attach-context";
import type { Outcome } from "./final-entry";
import { entryLocations, planRecord } from "./plan-record";
import type { Plan } from "./step";

/**
 * The steps for a guest that is shut off: its configuration alone is changed. It takes nothing from the host
 * before it is started, and nothing is held for it
 * (docs/internals/decisions/0090-attached-while-shut-off.md).
 */
export function planForShutOffGuest(
  context: AttachContext,
  outcome: Outcome,
): Pick<Plan, "steps" | "standsAfter"> {
  const locations = entryLocations(context);
  const untilItStands = [...planRecord(context, outcome), ...outcome.configurationSteps];
  const { giveUpSteps, givenUp } = context;
  return {
    standsAfter: untilItStands.length,
    steps: [
      ...untilItStands,
      ...giveUpSteps,
      ...(givenUp.length > 0 ? [{ kind: "record", entry: outcome.entry, locations } as const] : []),
    ],
  };
}
