import { providerError } from "../../errors";
import type { TouchedGroups } from "../chosen-slot";
import { listProcesses } from "../describe-open-use";
import { findOpenToNobody } from "../open-to-nobody";
import type { Refusal } from "./refusal";

/**
 * A member of a touched group that some program has open through VFIO, and no guest that is known: a group
 * has one user.
 */
export function checkHeldByProcess({ observation, members, isOff }: TouchedGroups): Refusal[] {
  if (isOff) return [];
  return findOpenToNobody(observation)
    .filter(({ hostAddress }) => members.has(hostAddress))
    .map(({ hostAddress, driver, open }) => {
      const by = listProcesses(open.flatMap((one) => one.processes));
      return providerError("FUNCTION_HELD_BY_PROCESS", { hostAddress, driver, by });
    });
}
