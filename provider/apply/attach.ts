import { causeText, providerError, hasCode } from "../errors";
import { romOptionsOf, type FunctionMapping } from "../pci";
import {
  describeTakeover,
  findOwned,
  findTagOfAlias,
  describeStep,
  findTagOfQemuId,
  hasEnded,
  isAnothersEntry,
  isSteppingStone,
  planAttach,
  planDetach,
  type ConfiguredFunction,
  type LedgerEntry,
  type Observation,
  type Plan,
  type PriorAttachment,
  type Step,
  type DesiredAttachment,
} from "../plan";
import { runPlan, type Work } from "./run-plan";
import { Deadline } from "../async/deadline";
import { withoutNewcomers, withoutOldStrangers } from "./newcomers";
import { actualStateOf, actualStateOfTarget, unseenTarget } from "./observe";
import type { Hypervisor, ObservationQuery, Progress } from "./ports";
import type { ActualState } from "./actual-state";
import { withLocks } from "./with-locks";

/** What {@link attach} needs. */
export interface AttachRequest {
  readonly desired: DesiredAttachment;
  readonly query: ObservationQuery;
  /** From the state of the resource, where there is one. */
  readonly prior?: PriorAttachment;
  /** Refuses an observation of the wrong host or guest, before anything is touched. */
  readonly verify?: (observation: Observation) => void;
  readonly limitSeconds: number;
  /** For undoing: it has a limit of its own, because the first one may be what ended the operation. */
  readonly undoSeconds: number;
  readonly progress: Progress;
  /** Gives up the waiting before the first step; what has begun is finished or undone all the same. */
  readonly signal?: AbortSignal;
}

/** An attach that failed after it had begun; `reality` is what is there now, undefined if nothing is left. */
export class AttachFailure extends Error {
  override readonly name = "AttachFailure";
  readonly actual: ActualState | undefined;
  /** Whether the guest has what was wanted all the same, and only what comes after that is not done. */
  readonly stands: boolean;

  constructor(error: Error, actual: ActualState | undefined, stands = false) {
    super(error.message, { cause: error });
    this.actual = actual;
    this.stands = stands;
  }
}

/** The plan that is being carried out, and how many of its steps are done. */
class Course {
  plan: Plan;
  passed = 0;
  /** Whether any step has been done, of whichever plan; the first is the write of the ledger entry. */
  hasPassed = false;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  begin(plan: Plan): void {
    this.plan = plan;
    this.passed = 0;
  }

  pass(steps: number): void {
    this.passed = steps;
    this.hasPassed = true;
  }

  get isDone(): boolean {
    return this.passed === this.plan.steps.length;
  }

  /** Whether the guest has what is wanted. */
  get stands(): boolean {
    return this.plan.standsAfter !== undefined && this.passed >= this.plan.standsAfter;
  }
}

/**
 * Brings an attachment from what is really there to what is wanted: the whole of create and update.
 *
 * Invariants: nothing is touched before the plan stands and the locks are held; a failure is undone by
 * planning again, from a new look, back to the set that was whole before (or to nothing); the first error
 * stays the cause, a failure to undo is reported beside it. Once the guest has what is wanted, nothing is undone any more: what
 * fails then is left for the next run (docs/internals/decisions/0069-point-of-no-return.md).
 *
 * @throws a ProviderError, with nothing touched, or an {@link AttachFailure}.
 */
export async function attach(hypervisor: Hypervisor, request: AttachRequest): Promise<ActualState> {
  const { desired, query, prior, progress } = request;
  const deadline = Deadline.start("attach", request.limitSeconds);
  const scope = { ...query, ownerToken: desired.ownerToken };
  return withLocks(hypervisor, scope, deadline, request.signal, async ({ observation, lost }) => {
    request.verify?.(observation);
    const plan = planAttach(observation, desired, prior);
    request.signal?.throwIfAborted();
    lost.throwIfAborted();
    const course = new Course(plan);
    const begun: Step[] = [];
    const work: Work = {
      hypervisor,
      deadline: deadline.withSignal(lost),
      progress,
      onStep: (step) => begun.push(step),
      passed: (steps) => course.pass(steps),
    };
    try {
      await runWithSecondTry(observation, course, work, request);
    } catch (failure) {
      const cause: unknown = lost.aborted ? lost.reason : failure;
      // what stands there may be another state's until this operation's own entry is written, which is its first step
      if (begun.length === 0 && plan.steps.length > 0) throw cause;
      const end = course.stands ? leaveStanding : undo;
      throw await end({ before: observation, plan, course, request, hypervisor, lost, cause });
    }
    for (const line of describeTakeover(plan)) progress(line);
    return actualStateOfTarget(hypervisor, observation, course.plan, work.deadline.signal, progress);
  });
}

/** An attach that has failed. */
interface Failed {
  readonly before: Observation;
  /** The first plan; that of a second try is in the course. */
  readonly plan: Plan;
  readonly course: Course;
  readonly request: AttachRequest;
  readonly hypervisor: Hypervisor;
  readonly lost: AbortSignal;
  readonly cause: unknown;
}

/**
 * The guest has what is wanted: it is not interrupted for what has failed since. The state gets what is there, and the next run
 * finds what is left. A guest that has ended has nothing, so that all can be undone.
 */
async function leaveStanding(failed: Failed): Promise<Error> {
  const { before, course, request, hypervisor, lost, cause } = failed;
  const { desired, query, progress } = request;
  const { plan, passed } = course;
  const left = plan.steps.slice(passed).map(describeStep);
  const failure = (found: ActualState | undefined): AttachFailure => {
    const guest = before.guest.name;
    const error = providerError("ATTACHED_WITH_LEFTOVERS", { guest, left, reason: causeText(cause) }, cause);
    return new AttachFailure(error, found ?? unseenTarget(before, plan, recordedEntry(plan)), true);
  };
  if (lost.aborted) return failure(undefined);
  progress(`failed: ${causeText(cause)} The guest keeps what it has.`);
  const { signal } = Deadline.start("look at what is there", request.undoSeconds, lost);
  const prior = keepPlan(plan);
  const now = await hypervisor.host.observe({ addresses: query.addresses }, signal).catch(() => undefined);
  if (now === undefined) return failure(undefined);
  if (hasEnded(now) && !hasEnded(before)) return undo(failed);
  return failure(await actualStateOf(hypervisor, now, desired.ownerToken, signal, prior, progress));
}

/**
 * Three failures are known to pass with a second plan: a slot that swept what was plugged (qemu.md 1.5,
 * 1.10), one that was half plugged when the guest was reset, which has to be emptied first, and a group node
 * that someone's release took from the guest (libvirt.md, Partial assignment), which only letting go of the
 * whole group and holding it again brings back. What an interface gets by itself in that moment (an address by
 * DHCP) is no reason to stop: the first look found it free. Whatever else the host has begun to use is.
 */
async function runWithSecondTry(
  before: Observation,
  course: Course,
  work: Work,
  request: AttachRequest,
): Promise<void> {
  const { hypervisor, deadline, progress } = work;
  // what this operation has plugged by now is its own, also where it is a create
  const prior = keepPlan(course.plan) ?? request.prior;
  const finish = async (plan: Plan): Promise<void> => {
    course.begin(plan);
    const outcome = await runPlan(plan, work).catch((cause: unknown) => {
      // what fails after the last step takes nothing back
      if (!course.isDone) throw cause;
      progress(causeText(cause));
      return "done" as const;
    });
    if (outcome === "guest-stopped")
      throw providerError("GUEST_STOPPED", { guest: work.hypervisor.guestName });
  };
  try {
    await finish(course.plan);
  } catch (cause) {
    if (!hasCode(cause, "SLOT_SWEPT", "SLOT_HALF_BOOTED", "GROUP_NODE_LOST")) throw cause;
    progress(`${causeText(cause)} Trying once more.`);
    const look = async (): Promise<Observation> =>
      withoutOldStrangers(before, await hypervisor.host.observe(request.query, deadline.signal));
    let now = await look();
    if (hasCode(cause, "GROUP_NODE_LOST")) {
      await finish(planDetach(now, request.desired.ownerToken, prior));
      now = await look();
    }
    await finish(planAttach(withoutNewcomers(before, now, progress), request.desired, prior));
  }
}

/** The error to throw: an {@link AttachFailure}, or where nothing was taken or touched, the plain one, which leaves any state as it is. */
async function undo(failed: Failed): Promise<Error> {
  const { before, plan, request, hypervisor, lost, cause } = failed;
  const { desired, progress } = request;
  // the way back may lead to the slot that was emptied meanwhile
  const buses = [...(request.query.forPlug?.buses ?? []), ...before.plugged.map((one) => one.bus)];
  const query = { ...request.query, forPlug: { buses } };
  // what is there in the end: nothing is plugged any more after that look
  const { forPlug: _, ...lastQuery } = query;
  const guest = before.guest.name;
  const error = (outcome: string): Error =>
    providerError("ATTACH_FAILED", { guest, reason: causeText(cause), outcome }, cause);
  const failure = (outcome: string, actual: ActualState | undefined): AttachFailure =>
    new AttachFailure(error(outcome), actual);
  if (lost.aborted) return failure("What was begun is recorded on the host.", keepsPlan(before, plan));
  const deadline = Deadline.start("undo", request.undoSeconds, lost);
  const prior = keepPlan(plan) ?? request.prior;
  const untouched = error("Nothing was changed.");
  const look = (there: Observation): Promise<ActualState | undefined> =>
    actualStateOf(hypervisor, there, desired.ownerToken, deadline.signal, prior, progress);
  progress(`failed: ${causeText(cause)} Undoing.`);
  try {
    const now = await hypervisor.host.observe(query, deadline.signal);
    if (isStillAnothers(now, failed)) return untouched;
    const planBackFrom = (there: Observation): Plan =>
      planBack(
        before,
        plan,
        withoutOldStrangers(before, withoutNewcomers(before, there, progress)),
        desired,
        prior,
      );
    const back = planBackFrom(now);
    const work: Work = { hypervisor, deadline, progress };
    if ((await runPlan(back, work)) === "guest-stopped") {
      const ended = await hypervisor.host.observe(query, deadline.signal);
      await runPlan(planBackFrom(ended), work);
    }
    const last = await hypervisor.host.observe(lastQuery, deadline.signal);
    const actual = await look(last);
    const isBack = (actual?.attached.length ?? 0) > 0;
    return failure(describeUndone(last, isBack, back.steps.length > 0), actual);
  } catch (undoCause) {
    const last = await hypervisor.host.observe(lastQuery, deadline.signal).catch(() => undefined);
    if (last !== undefined && isStillAnothers(last, failed)) return untouched;
    const actual = last === undefined ? keepsPlan(before, plan) : await look(last);
    return failure(
      `Undoing it failed as well: ${causeText(undoCause)} Run again: what is left is found and finished.`,
      actual,
    );
  }
}

function describeUndone({ guest }: Observation, isBack: boolean, hadSteps: boolean): string {
  if (isBack && guest.runState === "off")
    return "The guest has ended; its configuration has the functions that it had before.";
  if (isBack) return "The functions that were attached before are attached again.";
  return hadSteps ? "Everything was undone: every function is back on the host." : "Nothing was changed.";
}

/**
 * Back to the whole set that was plugged before, also one that was only being adopted, and to the
 * configuration where it was persistent; to nothing where there was none.
 */
function planBack(
  before: Observation,
  failed: Plan,
  now: Observation,
  { ownerToken, allowInUse }: DesiredAttachment,
  prior: PriorAttachment | undefined,
): Plan {
  const tag = failed.target?.entry.tag;
  const configured = (before.configuration?.functions ?? []).filter(
    (one) => findTagOfAlias(one.alias) === tag,
  );
  const persistent = configured.some((one) => one.place !== undefined);
  const earlier = earlierSet(before, tag, configured);
  const first = earlier.find((one) => one.guestFunction === 0);
  const isRunning = now.guest.runState === "running" || now.guest.runState === "paused";
  const hasItAtBoot = now.guest.runState === "off" && persistent;
  if (first === undefined || !(isRunning || hasItAtBoot)) return planDetach(now, ownerToken, prior);
  const map = earlier.map((one) => ({
    hostAddress: one.hostAddress,
    guestFunction: one.guestFunction,
    ...romOptionsOf(one),
  }));
  const { bus, slot } = first;
  const entry = entryBefore(before, tag);
  const known = hasItAtBoot && entry ? { functions: [], ...prior, slot: entry.slot } : prior;
  return planAttach(
    now,
    {
      ownerToken,
      selection: { by: "map", map },
      guestSlot: { bus, slot },
      leftovers: "hold",
      adopt: false,
      // what was held all the time is not taken anew; what the host has got back and uses is the host's
      allowInUse,
      persistent,
      goesBack: true,
    },
    known,
  );
}

/**
 * Whether what was to be taken over is its owner's still: the write of the ledger entry has not happened. One that was not
 * answered for has happened where the entry has the incarnation that it was to get.
 */
function isStillAnothers(now: Observation, { plan, course, request }: Failed): boolean {
  const { ownerToken, fresh } = request.desired;
  const target = plan.target?.entry;
  if (now.ledger.some(({ entry }) => entry.tag === target?.tag && entry.owner !== ownerToken)) return true;
  const entry = findOwned(now, ownerToken)?.entry;
  const isRenewed = fresh !== undefined && target?.incarnation === fresh.incarnation;
  if (isRenewed && !course.hasPassed) return entry?.incarnation !== fresh.incarnation;
  const prior = keepPlan(plan) ?? request.prior;
  return prior !== undefined && isAnothersEntry(entry, prior);
}

/** What was plugged, but for a stepping stone; of a guest that was shut off, what its configuration had. */
function earlierSet(
  before: Observation,
  tag: string | undefined,
  configured: readonly ConfiguredFunction[],
): (FunctionMapping & { readonly bus: string; readonly slot: number })[] {
  if (before.guest.runState !== "off") {
    const entry = entryBefore(before, tag);
    return before.plugged.filter(
      (one) => findTagOfQemuId(one.qemuId) === tag && !isSteppingStone(before, entry, one),
    );
  }
  return configured.flatMap((one) =>
    one.place ? [{ ...one.place, ...romOptionsOf(one), hostAddress: one.hostAddress }] : [],
  );
}

/** The ledger entry that stood before, of whichever owner. */
function entryBefore(before: Observation, tag: string | undefined): LedgerEntry | undefined {
  const entries = [...before.ledger.map((line) => line.entry), ...(before.configuration?.ledger ?? [])];
  return entries.find((one) => one.tag === tag);
}

function keepPlan(plan: Plan): PriorAttachment | undefined {
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

/** What stands in the ledger while the plan is carried out: with what is still to be given back. */
function recordedEntry(plan: Plan): LedgerEntry | undefined {
  return plan.steps.find((step) => step.kind === "record")?.entry ?? plan.target?.entry;
}

/** Where nothing can be looked at any more: what the plan had begun, so that the state keeps the resource. */
function keepsPlan(before: Observation, plan: Plan): ActualState {
  const entry = keepPlan(plan);
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
    held: (entry?.functions ?? []).map(({ hostAddress: address, hostDriver }) => ({
      hostAddress: address,
      ...(hostDriver !== undefined && { hostDriver }),
    })),
  };
}
