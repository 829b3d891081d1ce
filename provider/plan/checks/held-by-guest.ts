import { providerError } from "../../errors";
import type { TouchedGroups } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * In a running guest: no member of a touched group may be held by another guest, or by another attachment or
 * device of this one. A group has one user.
 */
export function checkGroupHeldByGuest(context: TouchedGroups): Refusal[] {
  return context.isOff ? [] : heldRefusals(context);
}

/** For a guest that is shut off: what it does not have yet may not be held by another guest. */
export function checkHeldByGuest(context: TouchedGroups): Refusal[] {
  return context.isOff ? heldRefusals(context) : [];
}

function heldRefusals({ heldByOthers }: TouchedGroups): Refusal[] {
  return [...heldByOthers].map(([hostAddress, { guest, alias }]) =>
    providerError("FUNCTION_HELD_BY_GUEST", { hostAddress, guest: guest.name, alias }),
  );
}
