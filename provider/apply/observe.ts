import { causeText } from "../errors";
import { findOwned, type LedgerEntry, type Observation, type Plan, type PriorAttachment } from "../plan";
import { composeActualState, findActualState, type ActualState } from "./actual-state";
import type { GuestEnumeration, Hypervisor, Progress } from "./ports";

const UNSEEN: GuestEnumeration = { guestConfigured: false };

/** A plan that was carried out and confirmed. */
export interface DonePlan {
  /** What the plan was made from. */
  readonly before: Observation;
  readonly plan: Plan;
  readonly progress: Progress;
}

/** What is there after such a plan, without another observation of the host. */
export async function actualStateOfTarget(
  hypervisor: Hypervisor,
  { before, plan, progress }: DonePlan,
  signal: AbortSignal,
): Promise<ActualState> {
  const ids = (plan.target?.attached ?? []).map((one) => one.qemuId);
  const isOff = before.guest.runState === "off";
  const guest = isOff ? UNSEEN : await enumerationOf(hypervisor, { ids, progress }, signal);
  return { ...unseenTarget(before, plan, plan.target?.entry), guest };
}

/**
 * The same without asking the guest how it sees that.
 *
 * @param entry tells what is held
 */
export function unseenTarget(before: Observation, plan: Plan, entry: LedgerEntry | undefined): ActualState {
  if (plan.target === undefined || entry === undefined) throw new Error("a plan to attach has a target");
  const { slot, attached } = plan.target;
  const held = entry.functions.map((one) => one.hostAddress);
  return composeActualState(before, { slot, plugged: attached, held, guest: UNSEEN }, entry);
}

/** Whose part of an observation is asked for. */
export interface ActualStateRequest {
  readonly observation: Observation;
  readonly ownerToken: string;
  /** From the state of the resource, if there is one. */
  readonly prior?: PriorAttachment | undefined;
  /** Told if the guest cannot be asked. Default: nobody. */
  readonly progress?: Progress;
}

/** The owner's part of an observation, with the guest's own view of its slot. */
export async function actualStateOf(
  hypervisor: Hypervisor,
  { observation, ownerToken, prior, progress = () => undefined }: ActualStateRequest,
  signal: AbortSignal,
): Promise<ActualState | undefined> {
  const ids = findOwned(observation, ownerToken)?.plugged.map((one) => one.qemuId) ?? [];
  const guest = ids.length === 0 ? UNSEEN : await enumerationOf(hypervisor, { ids, progress }, signal);
  return findActualState(observation, { ownerToken, prior }, guest);
}

/** For information only: it is no failure of the operation if the guest does not answer. */
async function enumerationOf(
  { guest }: Hypervisor,
  { ids, progress }: { readonly ids: readonly string[]; readonly progress: Progress },
  signal: AbortSignal,
): Promise<GuestEnumeration> {
  try {
    return await guest.readEnumeration(ids, signal);
  } catch (cause) {
    progress(`how the guest sees the device cannot be told: ${causeText(cause)}`);
    return UNSEEN;
  }
}
