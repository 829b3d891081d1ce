import { causeText, providerError } from "../errors";
import {
  describeKept,
  describeWarnings,
  findOwned,
  hasEnded,
  planDetach,
  requireNotTakenOver,
  whyLeft,
  type Observation,
  type Plan,
  type PriorAttachment,
} from "../plan";
import { runPlan } from "./run-plan";
import type { Outcome, Work } from "./steps/work";
import { Deadline } from "../async/deadline";
import type { Hypervisor, ObservationQuery, Progress } from "./ports";
import { withLocks, type Locked } from "./with-locks";

/** What {@link detach} needs. */
export interface DetachRequest {
  readonly ownerToken: string;
  readonly query: ObservationQuery;
  readonly guestUuid: string;
  readonly prior: PriorAttachment;
  /** Whether the guest may lose it though this SSH connection goes through the guest. Default: no. */
  readonly allowDisconnect?: boolean;
  /** Refuses an observation of the wrong host, before anything is touched. */
  readonly verify: (observation: Observation) => void;
  readonly limitSeconds: number;
  readonly progress: Progress;
  /** Gives up the waiting before the first step; what has begun is finished all the same. */
  readonly signal?: AbortSignal;
}

/**
 * Gives back everything the owner has: one unplug, a release of each function, every host driver seen back. A
 * guest that is shut off, undefined or ends meanwhile is success once the functions are back. What another
 * state of the same token has made or taken over is left alone, which is success as well: Pulumi deletes what
 * a replacement has taken over already, if it creates that first.
 *
 * @throws ATTACHMENT_TAKEN_OVER where two resources of 0.1 have one token, and what is there is the other's
 */
export async function detach(hypervisor: Hypervisor, request: DetachRequest): Promise<void> {
  const { ownerToken, query, guestUuid, signal } = request;
  const deadline = Deadline.start("detach", request.limitSeconds);
  const scope = { ...query, ownerToken, guestUuid };
  await withLocks(hypervisor, { scope, deadline, ...(signal && { signal }) }, async (locked) => {
    const { progress } = request;
    await detachLocked({ hypervisor, deadline: deadline.withSignal(locked.lost), progress }, locked, request);
  });
}

async function detachLocked(work: Work, { observation }: Locked, request: DetachRequest): Promise<void> {
  const { ownerToken, prior } = request;
  request.verify(observation);
  const owned = findOwned(observation, ownerToken);
  const left = whyLeft(observation, owned, prior);
  if (left !== undefined) return request.progress(left);
  requireNotTakenOver(observation, owned, prior);
  const { allowDisconnect = false } = request;
  const plan = planDetach(observation, ownerToken, prior, { allowDisconnect });
  for (const line of describeWarnings(plan)) request.progress(line);
  const { staysUntilShutOff: kept } = plan;
  if (kept !== undefined) request.progress(describeKept(observation.guest.name, kept));
  request.signal?.throwIfAborted();
  try {
    if ((await runUnlessEnded(plan, work, { observation, request })) === "done") return;
    request.progress("the guest has ended; waiting for its functions to come back to the host");
    const now = await work.hypervisor.host.observe(request.query, work.deadline.signal);
    // the live ledger goes with the guest; whose the rest is, the state tells
    const known = { ...prior, functions: owned?.entry?.functions ?? prior.functions };
    await runPlan(planDetach(now, ownerToken, known), work);
  } catch (cause) {
    const data = { guest: observation.guest.name, reason: causeText(cause) };
    throw providerError("DETACH_FAILED", data, cause);
  }
}

/** A step fails also because the guest ended under it. If the observation fails itself, it hides no cause. */
async function runUnlessEnded(
  plan: Plan,
  work: Work,
  { observation, request }: { readonly observation: Observation; readonly request: DetachRequest },
): Promise<Outcome> {
  try {
    return await runPlan(plan, work);
  } catch (cause) {
    const { host } = work.hypervisor;
    const now = await host.observe(request.query, work.deadline.signal).catch(() => observation);
    if (hasEnded(now) && !hasEnded(observation)) return "guest-stopped";
    throw cause;
  }
}
