import { providerError } from "../../errors";
import { findOwned, isNothing } from "../owned";
import type { PlanRequest } from "../plan-request";
import type { Refusal } from "./refusal";

/**
 * The guest has to be there and to have run. One that is shut off has its persistent attachment put right;
 * one that has no configuration gets none. The configuration is not read where libvirt is older:
 * checks/libvirt-version.ts answers there.
 */
export function checkGuestState({ observation, desired }: PlanRequest): Refusal[] {
  const { guest, configuration, olderLibvirt } = observation;
  const details = { guest: guest.name };
  switch (guest.runState) {
    case "missing":
      return [providerError("GUEST_NOT_FOUND", details)];
    case "off": {
      const isPutRight = desired.persistent && !isNothing(findOwned(observation, desired.ownerToken));
      return isPutRight ? [] : [providerError("GUEST_NOT_RUNNING", details)];
    }
    case "prelaunch":
      return [providerError("GUEST_NEVER_RAN", details)];
    case "running":
    case "paused": {
      const isTransient = configuration === undefined && olderLibvirt === undefined;
      return desired.persistent && isTransient ? [providerError("GUEST_IS_TRANSIENT", details)] : [];
    }
  }
}
