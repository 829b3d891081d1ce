import { providerError } from "../../errors";
import { othersLines, type Claim } from "../own-or-adopt";
import type { PlanRequest } from "../plan-request";
import type { Refusal } from "./refusal";

/** What another owner has adopted is no longer this one's, though it bears the mark of this one's token. */
export function checkAdoptedByAnother(context: PlanRequest & { readonly claim: Claim }): Refusal[] {
  const { own, rival } = context.claim;
  if (own !== undefined || rival !== undefined) return [];
  const [adopter] = othersLines(context);
  return [
    providerError("ATTACHMENT_ADOPTED_BY_ANOTHER", {
      owner: adopter?.entry.owner ?? "another owner",
      guest: context.observation.guest.name,
    }),
  ];
}
