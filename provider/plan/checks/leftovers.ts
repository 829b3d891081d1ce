import { providerError } from "../../errors";
import type { TouchedGroups } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * Members of the groups that would keep a host driver are taken only if that is allowed. One that another
 * guest has is told of by checks/held-by-guest.ts: to allow its being held would change nothing.
 */
export function checkLeftovers(context: TouchedGroups): Refusal[] {
  const { desired, leftovers, members, heldByOthers, isOff } = context;
  const told = leftovers.filter((one) => isOff || !heldByOthers.has(one.hostAddress));
  if (desired.leftovers === "hold" || told.length === 0) return [];
  return [
    providerError("LEFTOVERS_REFUSED", {
      leftovers: told.map((one) => `${one.hostAddress} (${one.driver})`),
      groups: [...new Set([...members.values()].map((one) => one.iommuGroup ?? -1))],
    }),
  ];
}
