import { providerError } from "../../errors";
import type { AttachContext } from "../attach-context";
import { describeSlot } from "../describe";
import { isMissingAtBoot, reservedAtBoot } from "../usable-buses";
import type { Refusal } from "./refusal";

/**
 * A set that stands where the next cold boot will not have it cannot be persistent there, and is not moved
 * unless that is asked for: the guest would lose the device for what somebody has changed in its
 * configuration.
 */
export function checkSlotGivenAway(context: AttachContext): Refusal[] {
  const { observation, desired, owned, isPlugged, isOff, outcome } = context;
  if (outcome === undefined || !isPlugged || isOff || desired.goesBack) return [];
  if (!outcome.configurationSteps.some((step) => step.kind === "configure")) return [];
  const { slot } = outcome;
  const bus = observation.buses.find((candidate) => candidate.bus === slot.bus);
  if (bus === undefined) return [];
  const isMissing = isMissingAtBoot(observation, desired, bus);
  if (!isMissing && !reservedAtBoot(observation, owned, bus).includes(slot.slot)) return [];
  return [
    providerError("SLOT_CONFIGURED_OTHERWISE", {
      guest: observation.guest.name,
      slot: describeSlot(slot),
      isMissing,
    }),
  ];
}
