import { providerError } from "../../errors";
import type { PciAddress } from "../../pci";
import { isAnothersEntry } from "../claim";
import type { PriorAttachment } from "../desired";
import type { Observation, OwnedResources } from "../observation";
import type { Claim } from "../own-or-adopt";
import type { PlanRequest } from "../plan-request";
import { throwRefusals, type Refusal } from "./refusal";

/** What stands under the owner token has to be this state's, unless `adopt` takes it over. */
export function checkTakenOver({
  observation,
  desired,
  prior,
  claim,
}: PlanRequest & { readonly claim: Claim }): Refusal[] {
  if (prior === undefined || desired.adopt) return [];
  return refusalsOf(observation, claim.own, prior, claim.named);
}

/**
 * Refuses what is another state's; the entry that stands for the running guest decides, and where it has
 * none, that of its configuration.
 *
 * @throws ATTACHMENT_TAKEN_OVER
 */
export function requireNotTakenOver(
  observation: Observation,
  owned: OwnedResources | undefined,
  prior: PriorAttachment,
): void {
  throwRefusals(refusalsOf(observation, owned, prior));
}

function refusalsOf(
  { guest }: Observation,
  owned: OwnedResources | undefined,
  prior: PriorAttachment,
  also?: ReadonlySet<PciAddress>,
): Refusal[] {
  const entry = owned?.entry;
  if (entry === undefined || !isAnothersEntry(entry, prior, also)) return [];
  return [
    providerError("ATTACHMENT_TAKEN_OVER", {
      guest: guest.name,
      owner: entry.owner,
      functions: entry.functions.map((one) => one.hostAddress),
      prior: prior.functions.map((one) => one.hostAddress),
      ...(entry.since !== undefined && { since: entry.since }),
      isTwin: entry.incarnation === undefined,
    }),
  ];
}
