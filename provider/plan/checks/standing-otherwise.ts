import { providerError } from "../../errors";
import { isSameFunctionMap } from "../../pci";
import type { SelectedFunctions } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * What stands under the token of a create has the guest's eyes on it: it may be another stack's. As it stands
 * it is taken over; anything else would take it from the guest.
 */
export function checkStandingOtherwise(context: SelectedFunctions): Refusal[] {
  const { observation, desired, owned, map, hasToStand } = context;
  const { plugged, entry } = owned;
  const [first] = plugged;
  if (!hasToStand || first === undefined) return [];
  const { guestSlot: named } = desired;
  const isThere =
    named === undefined ||
    (named.bus === first.bus && (named.slot === undefined || named.slot === first.slot));
  const isInOneSlot = plugged.every((one) => one.bus === first.bus && one.slot === first.slot);
  if (isThere && isInOneSlot && isSameFunctionMap(plugged, map)) return [];
  return [
    providerError("ATTACHMENT_EXISTS", {
      guest: observation.guest.name,
      owner: desired.ownerToken,
      ...(entry?.since !== undefined && { since: entry.since }),
      functions: plugged.map((one) => `${one.hostAddress} as function ${one.guestFunction}`),
      slot: `${first.bus} slot ${first.slot}`,
    }),
  ];
}
