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

/**
 * Of each guest that holds functions of a group the first one is told, and all that are to be shown: a group
 * may have hundreds.
 */
function heldRefusals({ heldByOthers, map }: TouchedGroups): Refusal[] {
  const shown = new Set(map.map((one) => one.hostAddress));
  const told = new Set<string>();
  return [...heldByOthers].flatMap(([hostAddress, { guest, alias }]) => {
    const holder = `${guest.uuid} ${guest.name}`;
    if (told.has(holder) && !shown.has(hostAddress)) return [];
    told.add(holder);
    return [providerError("FUNCTION_HELD_BY_GUEST", { hostAddress, guest: guest.name, alias })];
  });
}
