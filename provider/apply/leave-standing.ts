import { Deadline } from "../async/deadline";
import { causeText, hasCode, providerError } from "../errors";
import { describeStep, hasEnded } from "../plan";
import type { ActualState } from "./actual-state";
import { AttachFailure } from "./attach-request";
import type { FailedAttach } from "./failed-attach";
import { actualStateOf, unseenTarget } from "./observe";
import { priorOfPlan, recordedEntry } from "./recorded-plan";
import { undo } from "./roll-back";

/**
 * The error to throw if the guest has what is wanted: it is not interrupted for what has failed since. The
 * state gets what is there, and the next run finds what is left. A guest that has ended has nothing, so that
 * all can be undone.
 */
export async function leaveStanding(failed: FailedAttach): Promise<Error> {
  const { before, course, request, hypervisor, lost, cause } = failed;
  const { desired, query, progress } = request;
  if (lost.aborted || hasCode(cause, "HOST_CHANGE_STUCK")) return leftoversError(failed, undefined);
  progress(`failed: ${causeText(cause)} The guest keeps what it has.`);
  const { signal } = Deadline.start("look at what is there", request.undoSeconds, lost);
  const prior = priorOfPlan(course.plan);
  const now = await hypervisor.host.observe({ addresses: query.addresses }, signal).catch(() => undefined);
  if (now === undefined) return leftoversError(failed, undefined);
  if (hasEnded(now) && !hasEnded(before)) return undo(failed);
  const { ownerToken } = desired;
  const actual = await actualStateOf(hypervisor, { observation: now, ownerToken, prior, progress }, signal);
  return leftoversError(failed, actual);
}

function leftoversError(failed: FailedAttach, found: ActualState | undefined): AttachFailure {
  const { before, course, cause } = failed;
  const { plan, passed } = course;
  const left = plan.steps.slice(passed).map(describeStep);
  const data = { guest: before.guest.name, left, reason: causeText(cause) };
  const error = providerError("ATTACHED_WITH_LEFTOVERS", data, cause);
  return new AttachFailure(error, found ?? unseenTarget(before, plan, recordedEntry(plan)), true);
}
