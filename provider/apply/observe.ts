import { causeText } from "../errors";
import { findOwned, type LedgerEntry, type Observation, type Plan, type PriorAttachment } from "../plan";
import type { GuestEnumeration, Hypervisor, Progress } from "./ports";
import { composeActualState, findActualState, type ActualState } from "./actual-state";

/** What is there after a plan was carried out and confirmed, without another look at the host. */
export async function actualStateOfTarget(
  hypervisor: Hypervisor,
  before: Observation,
  plan: Plan,
  signal: AbortSignal,
  progress: Progress,
): Promise<ActualState> {
  const ids = (plan.target?.attached ?? []).map((one) => one.qemuId);
  const isOff = before.guest.runState === "off";
  const guest = isOff ? UNSEEN : await viewOf(hypervisor, ids, signal, progress);
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
  return composeActualState(before, { slot, plugged: attached, held }, entry, UNSEEN);
}

const UNSEEN: GuestEnumeration = { guestConfigured: false };

/** For information only: that it cannot be had is told, and is no failure of what it is asked after. */
async function viewOf(
  hypervisor: Hypervisor,
  qemuIds: readonly string[],
  signal: AbortSignal,
  progress: Progress,
): Promise<GuestEnumeration> {
  try {
    return await hypervisor.guest.view(qemuIds, signal);
  } catch (cause) {
    progress(`how the guest sees the device cannot be told: ${causeText(cause)}`);
    return UNSEEN;
  }
}

/** The owner's part of an observation, with the guest's own view of its slot. */
export async function actualStateOf(
  hypervisor: Hypervisor,
  observation: Observation,
  ownerToken: string,
  signal: AbortSignal,
  prior?: PriorAttachment,
  progress: Progress = () => undefined,
): Promise<ActualState | undefined> {
  const ids = findOwned(observation, ownerToken)?.plugged.map((one) => one.qemuId) ?? [];
  const guest = ids.length === 0 ? UNSEEN : await viewOf(hypervisor, ids, signal, progress);
  return findActualState(observation, ownerToken, guest, prior);
}
