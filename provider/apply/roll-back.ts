import { Deadline } from "../async/deadline";
import { causeText, hasCode } from "../errors";
import { findOwned, isAnothersEntry, type Observation, type Plan } from "../plan";
import type { ActualState } from "./actual-state";
import { attachFailedError, attachFailure, priorOfFailed, type FailedAttach } from "./failed-attach";
import { withoutNewcomers, withoutOldStrangers } from "./newcomers";
import { actualStateOf } from "./observe";
import { planBack } from "./plan-back";
import type { ObservationQuery } from "./ports";
import { stateOfPlan } from "./recorded-plan";
import { runPlan } from "./run-plan";

/** Undoing would wait behind it, or overtake it. */
const STUCK =
  "Nothing is undone while that goes on; what was begun is recorded on the host. Once it has ended, run again.";

/**
 * Undoes an attach, by planning again from what is there now.
 *
 * @returns the error to throw: an AttachFailure; the plain error, which leaves any state as it is, if nothing
 *   was taken or touched
 *
 * What has not returned by its limit is not undone: its driver may never let go.
 */
export async function undo(failed: FailedAttach): Promise<Error> {
  const { before, plan, request, lost, cause } = failed;
  if (lost.aborted)
    return attachFailure(failed, "What was begun is recorded on the host.", stateOfPlan(before, plan));
  const deadline = Deadline.start("undo", request.undoSeconds, lost);
  if (hasCode(cause, "HOST_CHANGE_STUCK")) return new UndoRun(failed, deadline).leaveStuck();
  request.progress(`failed: ${causeText(cause)} Undoing.`);
  const run = new UndoRun(failed, deadline);
  try {
    return await run.goBack();
  } catch (undoCause) {
    return run.giveUp(undoCause);
  }
}

/** One way back. */
class UndoRun {
  readonly #failed: FailedAttach;
  readonly #deadline: Deadline;
  readonly #query: ObservationQuery;

  constructor(failed: FailedAttach, deadline: Deadline) {
    this.#failed = failed;
    this.#deadline = deadline;
    const { before, request } = failed;
    // the way back may lead to the slot that was emptied meanwhile
    const buses = [...(request.query.forPlug?.buses ?? []), ...before.plugged.map((one) => one.bus)];
    this.#query = { ...request.query, forPlug: { buses } };
  }

  async goBack(): Promise<Error> {
    const { hypervisor, request } = this.#failed;
    const now = await hypervisor.host.observe(this.#query, this.#deadline.signal);
    if (this.#isUntouched(now)) return this.#untouchedError();
    const back = this.#planFrom(now);
    const work = { hypervisor, deadline: this.#deadline, progress: request.progress };
    if ((await runPlan(back, work)) === "guest-stopped") {
      const ended = await hypervisor.host.observe(this.#query, this.#deadline.signal);
      await runPlan(this.#planFrom(ended), work);
    }
    const last = await this.#observeLast();
    const actual = await this.#actualStateIn(last);
    const isBack = (actual?.attached.length ?? 0) > 0;
    const outcome = describeUndone(this.#failed.before, last, { isBack, hadSteps: back.steps.length > 0 });
    return attachFailure(this.#failed, outcome, actual);
  }

  /** Nothing is undone; what is there is told, if it can be observed. */
  async leaveStuck(): Promise<Error> {
    const { before, plan } = this.#failed;
    const last = await this.#observeLast().catch(() => undefined);
    const actual = last && (await this.#actualStateIn(last).catch(() => undefined));
    return attachFailure(this.#failed, STUCK, actual ?? stateOfPlan(before, plan));
  }

  /** What is there is told all the same, if it can be observed. */
  async giveUp(undoCause: unknown): Promise<Error> {
    const { before, plan } = this.#failed;
    const last = await this.#observeLast().catch(() => undefined);
    if (last !== undefined && this.#isUntouched(last)) return this.#untouchedError();
    const actual = last === undefined ? stateOfPlan(before, plan) : await this.#actualStateIn(last);
    const outcome = `Undoing it failed as well: ${causeText(undoCause)} Run again: what is left is found and finished.`;
    return attachFailure(this.#failed, outcome, actual);
  }

  /** Nothing is plugged any more after this one. */
  #observeLast(): Promise<Observation> {
    const { forPlug: _, ...query } = this.#query;
    return this.#failed.hypervisor.host.observe(query, this.#deadline.signal);
  }

  #planFrom(there: Observation): Plan {
    const { before, plan, request } = this.#failed;
    const { desired, progress } = request;
    const now = withoutOldStrangers(before, withoutNewcomers(before, there, progress));
    return planBack({ before, failed: plan, now, desired, prior: priorOfFailed(this.#failed) });
  }

  #actualStateIn(observation: Observation): Promise<ActualState | undefined> {
    const { hypervisor, request } = this.#failed;
    const { progress } = request;
    const { ownerToken } = request.desired;
    const prior = priorOfFailed(this.#failed);
    return actualStateOf(hypervisor, { observation, ownerToken, prior, progress }, this.#deadline.signal);
  }

  #untouchedError(): Error {
    return attachFailedError(this.#failed, "Nothing was changed.");
  }

  /**
   * Whether what was to be taken over is its owner's still: the write of the ledger entry has not happened. A
   * write whose answer got lost has happened if the entry has the incarnation that it was to get.
   */
  #isUntouched(now: Observation): boolean {
    const { plan, course, request } = this.#failed;
    const { ownerToken, fresh } = request.desired;
    const target = plan.target?.entry;
    if (now.ledger.some(({ entry }) => entry.tag === target?.tag && entry.owner !== ownerToken)) return true;
    const entry = findOwned(now, ownerToken)?.entry;
    const isRenewed = fresh !== undefined && target?.incarnation === fresh.incarnation;
    if (isRenewed && !course.hasPassed) return entry?.incarnation !== fresh.incarnation;
    const prior = priorOfFailed(this.#failed);
    return prior !== undefined && isAnothersEntry(entry, prior);
  }
}

function describeUndone(
  before: Observation,
  { guest }: Observation,
  { isBack, hadSteps }: { readonly isBack: boolean; readonly hadSteps: boolean },
): string {
  if (isBack && guest.runState === "off")
    return "The guest is shut off; its configuration has the functions that it had before.";
  if (isBack) return "The functions that were attached before are attached again.";
  if (hadSteps && before.guest.runState === "off")
    return "Everything was undone: the guest's configuration has none of it.";
  return hadSteps ? "Everything was undone: every function is back on the host." : "Nothing was changed.";
}
