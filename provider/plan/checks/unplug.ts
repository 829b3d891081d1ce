import { providerError } from "../../errors";
import type { DesiredAttachment } from "../desired";
import type { Observation, PluggedFunction } from "../observation";
import { isHalted } from "../guest-run-state";
import { functionsBySlot } from "../plan-unplug";
import type { Refusal } from "./refusal";

/**
 * What is to be unplugged has to be in a guest that has run and has its machine to itself, and on a bus that
 * can lose it. A bus that the
 * program names is told of by checks/slot.ts.
 */
export function checkUnplug(context: {
  readonly observation: Observation;
  readonly toUnplug: readonly PluggedFunction[];
  readonly desired?: Pick<DesiredAttachment, "guestSlot">;
}): Refusal[] {
  const { observation, toUnplug, desired } = context;
  const { guest, buses } = observation;
  const slots = functionsBySlot(toUnplug).flatMap(([first]) => first ?? []);
  const { runState } = guest;
  const hasNeverRun = slots.length > 0 && runState === "prelaunch";
  const isRefused = slots.length > 0 && isHalted(runState) && runState.unplug === "refused";
  const closed = slots.flatMap((one) => {
    const hotplug = buses.find((candidate) => candidate.bus === one.bus)?.hotplug;
    if (hotplug?.possible || one.bus === desired?.guestSlot?.bus) return [];
    const reason = hotplug?.reason ?? "the guest has no such bus";
    return [
      providerError("SLOT_REFUSED", { guest: guest.name, slot: `${one.bus} slot ${one.slot}`, reason }),
    ];
  });
  return [
    ...(hasNeverRun ? [providerError("GUEST_NEVER_RAN", { guest: guest.name })] : []),
    ...(isRefused ? [providerError("GUEST_HALTED", { guest: guest.name, ...runState })] : []),
    ...closed,
  ];
}
