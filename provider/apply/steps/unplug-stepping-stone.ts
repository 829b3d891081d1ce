import { now } from "../../async/clock";
import { sleep } from "../../async/sleep";
import { hostPart } from "./host-part";
import { unplug } from "./unplug";
import type { Course, Outcome, StepOf, Work } from "./work";

/** A guest sees what was plugged after 0.7 s. */
const TAKEN_MS = 2000;
const TAKEN_INTERVAL_MS = 250;

/** Takes the stepping stone out of its spare slot; the host keeps holding the function. */
export async function unplugSteppingStone(
  step: StepOf<"unplug-stepping-stone">,
  work: Work,
  course: Course,
): Promise<Outcome> {
  const { slot, target } = step;
  await awaitTaken(step, work);
  const functions = { functions: [target], requests: [target.qemuId] };
  const outcome = await unplug({ kind: "unplug", slot, ...functions, seenByGuest: true }, work, course);
  if (outcome === "guest-stopped") return outcome;
  const stones = hostPart(work.hypervisor.host, "steppingStones");
  await stones.unplugSteppingStone(target, work.deadline.signal);
  return "done";
}

/**
 * A request that reaches the guest while it is still taking what was plugged may cancel both, and stays
 * pending for ever in QEMU 5.2. A guest whose driver enables the device tells when
 * it has; any other guest gets a moment.
 */
async function awaitTaken(
  { target }: StepOf<"unplug-stepping-stone">,
  { hypervisor, deadline }: Work,
): Promise<void> {
  const endsAt = now() + TAKEN_MS;
  while (now() < endsAt) {
    if ((await hypervisor.guest.readEnumeration([target.qemuId], deadline.signal)).guestConfigured) return;
    await sleep(TAKEN_INTERVAL_MS, deadline.signal);
  }
}
