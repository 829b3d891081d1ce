import { providerError } from "../../errors";
import type { Claim } from "../own-or-adopt";
import type { PlanRequest } from "../plan-request";
import type { Refusal } from "./refusal";

/** What another owner has attached stays that owner's, unless it can be adopted and `adopt` asks for it. */
export function checkOwnedByAnother({ desired, claim }: PlanRequest & { readonly claim: Claim }): Refusal[] {
  const { rival, named, canAdopt } = claim;
  if (rival === undefined || (desired.adopt && canAdopt)) return [];
  const { entry, guest } = rival;
  return [
    providerError("ATTACHMENT_OWNED_BY_ANOTHER", {
      functions: entry.functions
        .map((one) => one.hostAddress)
        .filter((hostAddress) => named.has(hostAddress)),
      guest: guest.name,
      owner: entry.owner,
      canAdopt,
    }),
  ];
}
