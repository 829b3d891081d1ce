import type { LedgerEntry, Observation, Plan, PriorAttachment } from "../plan";
import type { ActualState } from "./actual-state";

/** What stands in the ledger while the plan is carried out: with what is still to be given back. */
export function recordedEntry(plan: Plan): LedgerEntry | undefined {
  return plan.steps.find((step) => step.kind === "record")?.entry ?? plan.target?.entry;
}

/**
 * What a later plan of the same operation has to know of this plan; undefined if the plan records nothing.
 */
export function priorOfPlan(plan: Plan): PriorAttachment | undefined {
  const entry = recordedEntry(plan);
  const { incarnation } = entry ?? {};
  return (
    entry && {
      slot: entry.slot,
      functions: entry.functions,
      ...(incarnation !== undefined && { incarnation }),
    }
  );
}

/** If nothing can be observed any more: what the plan had begun, so that the state keeps the resource. */
export function stateOfPlan(before: Observation, plan: Plan): ActualState {
  const entry = priorOfPlan(plan);
  const slot = plan.target?.slot ?? entry?.slot;
  const { hostKeyFingerprint } = before;
  return {
    ...(entry?.incarnation !== undefined && { incarnation: entry.incarnation }),
    hostUuid: before.hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    guestUuid: before.guest.uuid,
    guest: { guestConfigured: false },
    ...(slot && { slot }),
    attached: [],
    held: (entry?.functions ?? []).map(({ hostAddress, hostDriver }) => ({
      hostAddress,
      ...(hostDriver !== undefined && { hostDriver }),
    })),
  };
}
