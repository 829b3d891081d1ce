import { findOwned, type Observation, type Plan, type RememberedAttachment } from "../plan";
import type { Hypervisor, ObservationQuery } from "./ports";
import { composeReality, findReality, type Reality } from "./reality";

/** Looks at what is really there of one owner's attachment; undefined where nothing is. */
export async function lookAtReality(
  hypervisor: Hypervisor,
  query: ObservationQuery,
  ownerToken: string,
  signal: AbortSignal,
  remembered?: RememberedAttachment,
): Promise<Reality | undefined> {
  const observation = await hypervisor.host.observe(query, signal);
  return realityOf(hypervisor, observation, ownerToken, signal, remembered);
}

/** What is there after a plan was carried out and confirmed, without another look at the host. */
export async function realityOfTarget(
  hypervisor: Hypervisor,
  before: Observation,
  plan: Plan,
  signal: AbortSignal,
): Promise<Reality> {
  const { target } = plan;
  if (target === undefined) throw new Error("a plan to attach has a target");
  const { slot, attached, entry } = target;
  const ids = attached.map((one) => one.qemuId);
  const guest =
    before.guest.runState === "off" ? { guestConfigured: false } : await hypervisor.guest.view(ids, signal);
  return composeReality(
    before,
    { slot, plugged: attached, held: entry.functions.map((one) => one.address) },
    entry,
    guest,
  );
}

/** The owner's part of an observation, with the guest's own view of its slot. */
export async function realityOf(
  hypervisor: Hypervisor,
  observation: Observation,
  ownerToken: string,
  signal: AbortSignal,
  remembered?: RememberedAttachment,
): Promise<Reality | undefined> {
  const ids = findOwned(observation, ownerToken)?.plugged.map((one) => one.qemuId) ?? [];
  const guest = ids.length === 0 ? { guestConfigured: false } : await hypervisor.guest.view(ids, signal);
  return findReality(observation, ownerToken, guest, remembered);
}
