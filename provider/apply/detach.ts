import { causeText, providerError } from "../errors";
import {
  findOwned,
  hasEnded,
  planDetach,
  refuseAnothers,
  whyLeft,
  type Observation,
  type PriorAttachment,
} from "../plan";
import { runPlan, type Work } from "./run-plan";
import { Deadline } from "../async/deadline";
import type { Hypervisor, ObservationQuery, Progress } from "./ports";
import { withLocks } from "./with-locks";

/** What {@link detach} needs. */
export interface DetachRequest {
  readonly ownerToken: string;
  readonly query: ObservationQuery;
  readonly guestUuid: string;
  readonly prior: PriorAttachment;
  /** Refuses an observation of the wrong host, before anything is touched. */
  readonly verify: (observation: Observation) => void;
  readonly limitSeconds: number;
  readonly progress: Progress;
  /** Gives up the waiting before the first step; what has begun is finished all the same. */
  readonly signal?: AbortSignal;
}

/**
 * Gives back everything the owner has: one unplug, a release of each function, every host driver seen
 * back. A guest that is shut off, undefined or ends meanwhile is success once the functions are back. What another state of
 * the same token has made or taken over is left alone, which is success as well: Pulumi deletes what a replacement has
 * taken over already, if it creates that first.
 *
 * @throws ATTACHMENT_TAKEN_OVER where two resources of 0.1 have one token, and what is there is the other's
 */
export async function detach(hypervisor: Hypervisor, request: DetachRequest): Promise<void> {
  const { ownerToken, query, prior, progress, guestUuid } = request;
  const deadline = Deadline.start("detach", request.limitSeconds);
  const scope = { ...query, ownerToken, guestUuid };
  await withLocks(hypervisor, scope, deadline, request.signal, async ({ observation, lost }) => {
    request.verify(observation);
    const work: Work = { hypervisor, deadline: deadline.withSignal(lost), progress };
    const { signal } = work.deadline;
    const owned = findOwned(observation, ownerToken);
    const left = whyLeft(observation, owned, prior);
    if (left !== undefined) return progress(left);
    refuseAnothers(observation, owned, prior);
    const plan = planDetach(observation, ownerToken, prior);
    request.signal?.throwIfAborted();
    // the live ledger goes with the guest; whose the rest is, the state tells
    const known = { ...prior, functions: owned?.entry?.functions ?? prior.functions };
    try {
      const outcome = await runPlan(plan, work).catch(unlessEnded);
      if (outcome === "done") return;
      progress("the guest has ended; waiting for its functions to come back to the host");
      const now = await hypervisor.host.observe(query, signal);
      await runPlan(planDetach(now, ownerToken, known), work);
    } catch (cause) {
      throw providerError(
        "DETACH_FAILED",
        { guest: observation.guest.name, reason: causeText(cause) },
        cause,
      );
    }

    /** A step fails also because the guest ended under it; the look itself failing hides no cause. */
    async function unlessEnded(cause: unknown): Promise<"guest-stopped"> {
      const now = await hypervisor.host.observe(query, signal).catch(() => observation);
      if (hasEnded(now) && !hasEnded(observation)) return "guest-stopped";
      throw cause;
    }
  });
}
