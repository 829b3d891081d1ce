import { providerError } from "../../errors";
import type { DesiredAttachment } from "../desired";
import type { Observation, PluggedFunction } from "../observation";
import { functionsBySlot } from "../plan-unplug";
import type { Refusal } from "./refusal";

/**
 * What is to be unplugged has to be in a guest that has run, and on a bus that can lose it. A bus that the
 * program names is told of by checks/slot.ts.
 */
export function checkUnplug(context: {
  readonly observation: Observation;
  readonly toUnplug: readonly PluggedFunction[];
  readonly desired?: DesiredAttachment;
}): Refusal[] {
  const { observation, toUnplug, desired } = context;
  const { guest, buses } = observation;
  const slots = functionsBySlot(toUnplug).flatMap(([first]) => first ?? []);
  const hasNeverRun = slots.length > 0 && guest.runState === "prelaunch";
  const closed = slots.flatMap((one) => {
    const hotplug = buses.find((candidate) => candidate.bus === one.bus)?.hotplug;
    if (hotplug?.possible || one.bus === desired?.guestSlot?.bus) return [];
    const reason = hotplug?.reason ?? "the guest has no such bus";
    return [
      providerError("SLOT_REFUSED", { guest: guest.name, slot: `${one.bus} slot ${one.slot}`, reason }),
    ];
  });
  return [...(hasNeverRun ? [providerError("GUEST_NEVER_RAN", { guest: guest.name })] : []), ...closed];
}
