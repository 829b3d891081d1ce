import { providerError } from "../../errors";
import { isHalted } from "../guest-run-state";
import type { PlanRequest } from "../plan-request";
import type { Refusal } from "./refusal";

/**
 * The guest has to be there and to have run. One that is shut off gets what is persistent by its
 * configuration; one that has no configuration gets none.
 */
export function checkGuestState({ observation, desired }: PlanRequest): Refusal[] {
  const { guest, configuration } = observation;
  const details = { guest: guest.name };
  if (isHalted(guest.runState)) return [providerError("GUEST_HALTED", { ...details, ...guest.runState })];
  switch (guest.runState) {
    case "missing":
      return [providerError("GUEST_NOT_FOUND", details)];
    case "off": {
      const hasConfiguration = configuration !== undefined;
      if (desired.persistent && hasConfiguration) return [];
      return [providerError("GUEST_NOT_RUNNING", { ...details, hasConfiguration })];
    }
    case "prelaunch":
      return [providerError("GUEST_NEVER_RAN", details)];
    case "running":
    case "paused": {
      const isTransient = configuration === undefined;
      return desired.persistent && isTransient ? [providerError("GUEST_IS_TRANSIENT", details)] : [];
    }
  }
}
