import { causeText, fail, hasCode } from "../errors";
import { romOptionsOf, type FunctionMapping } from "../pci";
import {
  findTagOfAlias,
  findTagOfQemuId,
  planAttach,
  planDetach,
  type ConfiguredFunction,
  type LedgerEntry,
  type Observation,
  type Plan,
  type RememberedAttachment,
  type WantedAttachment,
} from "../plan";
import { carryOut, type Work } from "./carry-out";
import { Deadline } from "./deadline";
import { lookAtReality, realityOf, realityOfTarget } from "./observe";
import type { Hypervisor, ObservationQuery, Progress } from "./ports";
import type { Reality } from "./reality";
import { withLocks } from "./with-locks";

/** What {@link attach} needs. */
export interface AttachRequest {
  readonly wanted: WantedAttachment;
  readonly query: ObservationQuery;
  /** From the state of the resource, where there is one. */
  readonly remembered?: RememberedAttachment;
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
  readonly reality: Reality | undefined;

  constructor(error: Error, reality: Reality | undefined) {
    super(error.message, { cause: error });
    this.reality = reality;
  }
}

/**
 * Brings an attachment from what is really there to what is wanted: the whole of create and update.
 *
 * Invariants: nothing is touched before the plan stands and the locks are held; a failure is undone by
 * planning again, from a new look, back to the set that was whole before (or to nothing); the first error
 * stays the cause, a failure to undo is reported beside it.
 *
 * @throws the ProviderError of a refusal, with nothing touched, or an {@link AttachFailure}.
 */
export async function attach(hypervisor: Hypervisor, request: AttachRequest): Promise<Reality> {
  const { wanted, query, remembered, progress } = request;
  const deadline = Deadline.start("attach", request.limitSeconds);
  const scope = { ...query, ownerToken: wanted.ownerToken };
  return withLocks(hypervisor, scope, deadline, request.signal, async ({ observation, lost }) => {
    request.verify?.(observation);
    const work: Work = { hypervisor, deadline: deadline.withSignal(lost), progress };
    const plan = planAttach(observation, wanted, remembered);
    request.signal?.throwIfAborted();
    lost.throwIfAborted();
    try {
      const done = await carryOutWithSecondTry(plan, work, request);
      return await realityOfTarget(hypervisor, observation, done, work.deadline.signal);
    } catch (cause) {
      throw await undo(observation, plan, request, hypervisor, lost, lost.aborted ? lost.reason : cause);
    }
  });
}

/**
 * Three failures are known to pass with a second plan: a slot that swept what was plugged (qemu.md 1.5,
 * 1.10), one that was half plugged when the guest was reset, which has to be emptied first, and a group node
 * that someone's release took from the guest (libvirt.md, Partial assignment), which only letting go of the
 * whole group and holding it again brings back. What the host begins to use in that moment (an address by
 * DHCP) is no reason to stop: the first plan found it free.
 */
async function carryOutWithSecondTry(plan: Plan, work: Work, request: AttachRequest): Promise<Plan> {
  const { hypervisor, deadline, progress } = work;
  const finish = async (one: Plan): Promise<Plan> => {
    if ((await carryOut(one, work)) === "done") return one;
    throw fail("GUEST_STOPPED", { guest: work.hypervisor.guestName });
  };
  try {
    return await finish(plan);
  } catch (cause) {
    if (!hasCode(cause, "SLOT_SWEPT", "SLOT_HALF_BOOTED", "GROUP_NODE_LOST")) throw cause;
    progress(`${causeText(cause)} Trying once more.`);
    let now = await hypervisor.host.observe(request.query, deadline.signal);
    if (hasCode(cause, "GROUP_NODE_LOST")) {
      await finish(planDetach(now, request.wanted.ownerToken, request.remembered));
      now = await hypervisor.host.observe(request.query, deadline.signal);
    }
    return finish(planAttach(now, { ...request.wanted, allowInUse: true }, request.remembered));
  }
}

async function undo(
  before: Observation,
  plan: Plan,
  request: AttachRequest,
  hypervisor: Hypervisor,
  lost: AbortSignal,
  cause: unknown,
): Promise<AttachFailure> {
  const { wanted, progress } = request;
  // the way back may lead to the slot that was emptied meanwhile
  const buses = [...(request.query.forPlug?.buses ?? []), ...before.plugged.map((one) => one.bus)];
  const query = { ...request.query, forPlug: { buses } };
  // what is there in the end: nothing is plugged any more after that look
  const { forPlug: _, ...lastQuery } = query;
  const guest = before.guest.name;
  const failure = (outcome: string, reality: Reality | undefined): AttachFailure =>
    new AttachFailure(fail("ATTACH_FAILED", { guest, reason: causeText(cause), outcome }, cause), reality);
  if (lost.aborted) return failure("What was begun is recorded on the host.", remembersPlan(before, plan));
  const deadline = Deadline.start("undo", request.undoSeconds, lost);
  const remembered = rememberPlan(plan) ?? request.remembered;
  progress(`failed: ${causeText(cause)} Undoing.`);
  try {
    const now = await hypervisor.host.observe(query, deadline.signal);
    const back = planBack(before, plan, now, wanted.ownerToken, remembered);
    const work: Work = { hypervisor, deadline, progress };
    if ((await carryOut(back, work)) === "guest-stopped") {
      const ended = await hypervisor.host.observe(query, deadline.signal);
      await carryOut(planBack(before, plan, ended, wanted.ownerToken, remembered), work);
    }
    const last = await hypervisor.host.observe(lastQuery, deadline.signal);
    const reality = await realityOf(hypervisor, last, wanted.ownerToken, deadline.signal, remembered);
    const isBack = (reality?.attached.length ?? 0) > 0;
    return failure(describeUndone(last, isBack, back.steps.length > 0), reality);
  } catch (undoCause) {
    const reality = await lookAtReality(
      hypervisor,
      lastQuery,
      wanted.ownerToken,
      deadline.signal,
      remembered,
    ).catch(() => remembersPlan(before, plan));
    return failure(
      `Undoing it failed as well: ${causeText(undoCause)} Run again: what is left is found and finished.`,
      reality,
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
  ownerToken: string,
  remembered: RememberedAttachment | undefined,
): Plan {
  const tag = failed.target?.entry.tag;
  const isStillAnothers = now.ledger.some(({ entry }) => entry.tag === tag && entry.owner !== ownerToken);
  if (isStillAnothers) return { steps: [] };
  const configured = (before.configuration?.functions ?? []).filter(
    (one) => findTagOfAlias(one.alias) === tag,
  );
  const persistent = configured.some((one) => one.place !== undefined);
  const earlier = earlierSet(before, tag, configured);
  const first = earlier.find((one) => one.guestFunction === 0);
  const isRunning = now.guest.runState === "running" || now.guest.runState === "paused";
  const hasItAtBoot = now.guest.runState === "off" && persistent;
  if (first === undefined || !(isRunning || hasItAtBoot)) return planDetach(now, ownerToken, remembered);
  const map = earlier.map((one) => ({
    hostAddress: one.hostAddress,
    guestFunction: one.guestFunction,
    ...romOptionsOf(one),
  }));
  const { bus, slot } = first;
  const entry = entryBefore(before, tag);
  const known = hasItAtBoot && entry ? { functions: [], ...remembered, slot: entry.slot } : remembered;
  return planAttach(
    now,
    {
      ownerToken,
      selection: { by: "map", map },
      guestSlot: { bus, slot },
      leftovers: "hold",
      adopt: false,
      allowInUse: true,
      persistent,
    },
    known,
  );
}

/** What was plugged; of a guest that was shut off, what its configuration had. */
function earlierSet(
  before: Observation,
  tag: string | undefined,
  configured: readonly ConfiguredFunction[],
): (FunctionMapping & { readonly bus: string; readonly slot: number })[] {
  if (before.guest.runState !== "off")
    return before.plugged.filter((one) => findTagOfQemuId(one.qemuId) === tag);
  return configured.flatMap((one) =>
    one.place ? [{ ...one.place, ...romOptionsOf(one), hostAddress: one.address }] : [],
  );
}

/** The ledger entry that stood before, of whichever owner. */
function entryBefore(before: Observation, tag: string | undefined): LedgerEntry | undefined {
  const entries = [...before.ledger.map((line) => line.entry), ...(before.configuration?.ledger ?? [])];
  return entries.find((one) => one.tag === tag);
}

function rememberPlan(plan: Plan): RememberedAttachment | undefined {
  const record = plan.steps.find((step) => step.kind === "record");
  const entry = record?.entry ?? plan.target?.entry;
  return entry && { slot: entry.slot, functions: entry.functions };
}

/** Where nothing can be looked at any more: what the plan had begun, so that the state keeps the resource. */
function remembersPlan(before: Observation, plan: Plan): Reality {
  const entry = rememberPlan(plan);
  const slot = plan.target?.slot ?? entry?.slot;
  const { hostKeyFingerprint } = before;
  return {
    hostUuid: before.hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    guestUuid: before.guest.uuid,
    guest: { guestConfigured: false },
    ...(slot && { slot }),
    attached: [],
    held: (entry?.functions ?? []).map(({ address, hostDriver }) => ({
      hostAddress: address,
      ...(hostDriver !== undefined && { hostDriver }),
    })),
  };
}
