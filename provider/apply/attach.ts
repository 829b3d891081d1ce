import { Deadline } from "../async/deadline";
import { causeText, hasCode, providerError } from "../errors";
import { describeTakeover, planAttach, planDetach, type Observation, type Plan } from "../plan";
import type { ActualState } from "./actual-state";
import { AttachCourse } from "./attach-course";
import type { AttachRequest } from "./attach-request";
import { leaveStanding } from "./leave-standing";
import { withoutNewcomers, withoutOldStrangers } from "./newcomers";
import { actualStateOfTarget } from "./observe";
import type { Host, Hypervisor } from "./ports";
import { priorOfPlan } from "./recorded-plan";
import { undo } from "./roll-back";
import { runPlan } from "./run-plan";
import { stateForNextStart } from "./state-for-next-start";
import type { Work } from "./steps/work";
import { withLocks, type Locked } from "./with-locks";

/**
 * Brings an attachment from what is really there to what is wanted: the whole of create and update.
 *
 * Invariants: nothing is touched before the plan stands and the locks are held; a failure is undone by
 * planning again, from a new look, back to the set that was whole before (or to nothing); the first error
 * stays the cause, a failure to undo is reported beside it. Once the guest has what is wanted, nothing is
 * undone any more: what fails then is left for the next run
 * (docs/internals/decisions/0069-point-of-no-return.md).
 *
 * @throws a ProviderError, with nothing touched, or an AttachFailure.
 */
export async function attach(hypervisor: Hypervisor, request: AttachRequest): Promise<ActualState> {
  const { desired, query, signal } = request;
  const deadline = Deadline.start("attach", request.limitSeconds);
  const scope = { ...query, ownerToken: desired.ownerToken };
  return withLocks(hypervisor, { scope, deadline, ...(signal && { signal }) }, (locked) =>
    attachLocked({ hypervisor, request, deadline, locked }),
  );
}

/** What {@link attachLocked} works with. */
interface LockedAttach {
  readonly hypervisor: Hypervisor;
  readonly request: AttachRequest;
  readonly deadline: Deadline;
  readonly locked: Locked;
}

async function attachLocked(parts: LockedAttach): Promise<ActualState> {
  const { hypervisor, request, deadline, locked } = parts;
  const { desired, prior, progress } = request;
  const { observation, lost } = locked;
  request.verify?.(observation);
  const plan = planAttach(observation, desired, prior);
  request.signal?.throwIfAborted();
  lost.throwIfAborted();
  const course = new AttachCourse(plan);
  const work: Work = { hypervisor, deadline: deadline.withSignal(lost), progress, observer: course };
  try {
    await runWithSecondTry({ before: observation, course, work, request });
  } catch (failure) {
    const cause: unknown = lost.aborted ? lost.reason : failure;
    // what stands there may be another state's until this operation's own entry is written, which is its
    // first step
    if (!course.hasBegun && plan.steps.length > 0) throw cause;
    const end = course.stands ? leaveStanding : undo;
    throw await end({ before: observation, plan, course, request, hypervisor, lost, cause });
  }
  for (const line of describeTakeover(plan)) progress(line);
  const done = { before: observation, plan: course.plan, progress };
  const { signal } = work.deadline;
  const isWritten = plan.forNextStart !== undefined && plan.steps.length > 0;
  return isWritten
    ? stateForNextStart(hypervisor, done, request, signal)
    : actualStateOfTarget(hypervisor, done, signal);
}

/** What {@link runWithSecondTry} works with. */
interface Attempt {
  readonly before: Observation;
  readonly course: AttachCourse;
  readonly work: Work;
  readonly request: AttachRequest;
}

/**
 * Three failures are known to pass with a second plan: a slot that swept what was plugged, one that was half
 * plugged when the guest was reset, which has to be emptied first, and a group node that somebody took from
 * the guest, which only letting go of the whole group and holding it again brings back. libvirt takes it away
 * when it releases any function of the group, and takes its owner back when somebody's own attach of another
 * one fails (docs/internals/decisions/0092-denied-nodes-are-held-anew.md); all that is held is held still
 * then. What an interface gets by itself in that moment (an address by DHCP) is no reason to stop: the first
 * look found it free. Whatever else the host has begun to use is.
 */
async function runWithSecondTry({ before, course, work, request }: Attempt): Promise<void> {
  // what this operation has plugged by now is its own, also if it is a create
  const prior = priorOfPlan(course.plan) ?? request.prior;
  try {
    await runToEnd(course.plan, course, work);
  } catch (cause) {
    const mayPass = ["SLOT_SWEPT", "SLOT_HALF_BOOTED", "GROUP_NODE_LOST", "GROUP_NODE_DENIED"] as const;
    if (!hasCode(cause, ...mayPass)) throw cause;
    const isDenied = hasCode(cause, "GROUP_NODE_DENIED");
    if (isDenied && !opensNodes(work.hypervisor.host)) throw cause;
    const observe = async (): Promise<Observation> =>
      withoutOldStrangers(before, await work.hypervisor.host.observe(request.query, work.deadline.signal));
    let now = await observe();
    work.progress(`${causeText(cause)} Trying once more.`);
    if (isDenied || hasCode(cause, "GROUP_NODE_LOST")) {
      await runToEnd(planDetach(now, request.desired.ownerToken, prior), course, work);
      now = await observe();
    }
    // what has begun is not held up by where this connection goes
    const desired = { ...request.desired, allowDisconnect: true };
    const again = planAttach(withoutNewcomers(before, now, work.progress), desired, prior);
    await runToEnd(again, course, work);
  }
}

/** Whether a hold gives QEMU the group's node. Elsewhere the node is as the administrator has it. */
function opensNodes({ firstHold }: Host): boolean {
  return firstHold === "alone";
}

/** What fails after the last step takes nothing back. */
async function runToEnd(plan: Plan, course: AttachCourse, work: Work): Promise<void> {
  course.begin(plan);
  const outcome = await runPlan(plan, work).catch((cause: unknown) => {
    if (!course.isDone) throw cause;
    work.progress(causeText(cause));
    return "done" as const;
  });
  if (outcome === "guest-stopped") throw providerError("GUEST_STOPPED", { guest: work.hypervisor.guestName });
}
