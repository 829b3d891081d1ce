import { causeText, providerError } from "../errors";
import type { Observation, Plan, PriorAttachment } from "../plan";
import type { ActualState } from "./actual-state";
import type { AttachCourse } from "./attach-course";
import { AttachFailure, type AttachRequest } from "./attach-request";
import type { Hypervisor } from "./ports";
import { priorOfPlan } from "./recorded-plan";

/** An attach that has failed. */
export interface FailedAttach {
  readonly before: Observation;
  /** The first plan; that of a second try is in the course. */
  readonly plan: Plan;
  readonly course: AttachCourse;
  readonly request: AttachRequest;
  readonly hypervisor: Hypervisor;
  readonly lost: AbortSignal;
  readonly cause: unknown;
}

/** What is known of the attachment beside an observation: what the plan has recorded, else the state's. */
export function priorOfFailed({ plan, request }: FailedAttach): PriorAttachment | undefined {
  return priorOfPlan(plan) ?? request.prior;
}

/** ATTACH_FAILED, with what became of it. */
export function attachFailedError({ before, cause }: FailedAttach, outcome: string): Error {
  return providerError(
    "ATTACH_FAILED",
    { guest: before.guest.name, reason: causeText(cause), outcome },
    cause,
  );
}

/** The same with what is there now. */
export function attachFailure(
  failed: FailedAttach,
  outcome: string,
  actual: ActualState | undefined,
): AttachFailure {
  return new AttachFailure(attachFailedError(failed, outcome), actual);
}
