import type { GuestSlot } from "../pci";
import type { Observation } from "./observation";

/**
 * A slot in which something stands, with how it takes hotplug. A guest that runs tells that itself, unless
 * its port has lost its hotplug since: then it is on record how the slot took the set. Of one that is shut
 * off, what it has told before counts, and its configuration only lets one expect.
 *
 * @param known slots on record, the best first
 */
export function standingSlot(
  { guest, buses }: Observation,
  { bus, slot }: Pick<GuestSlot, "bus" | "slot">,
  known: readonly (GuestSlot | undefined)[],
): GuestSlot | undefined {
  const recorded = known.find((one) => one?.bus === bus && one.slot === slot);
  const hotplug = buses.find((candidate) => candidate.bus === bus)?.hotplug;
  const seen = hotplug?.possible ? { bus, slot, kind: hotplug.kind } : undefined;
  return guest.runState === "off" ? (recorded ?? seen) : (seen ?? recorded);
}
