import { providerError } from "../../errors";
import { describeSlot } from "../../plan";
import { assertAllThere, confirmPlug } from "./confirm";
import { hostPart } from "./host-part";
import type { Course, StepOf, Work } from "./work";

type PlugStep = StepOf<"plug" | "attach-single" | "plug-stepping-stone">;

/**
 * Time allowed for pinning, at some GiB a second by the kernel
 * (docs/internals/decisions/0014-time-for-pinning.md).
 */
const SECONDS_PER_PINNED_GIB = 1;

/** Plugs one function of a set. */
export async function plug(step: StepOf<"plug">, work: Work, course: Course): Promise<void> {
  const { target, slot, multifunction } = step;
  const { guest } = work.hypervisor;
  const { watch, bootWatch, plugged } = course;
  if (target.guestFunction === 0) {
    bootWatch.assertNotHalfBooted(slot);
    // a part of a set is not shown, but plugged anew
    const lost = watch.countLosses(plugged.map((one) => one.qemuId)) > 0;
    if (lost) await assertAllThere({ slot, functions: plugged }, guest, work.deadline.signal);
  } else await bootWatch.begin(slot);
  await plugInTime(step, work, course, () => guest.plug(target, slot, { multifunction }));
  plugged.push(target);
}

/** Lets the host take and plug one function. Nothing can be half plugged here. */
export async function attachSingle(step: StepOf<"attach-single">, work: Work, course: Course): Promise<void> {
  const singles = hostPart(work.hypervisor.host, "singles");
  await plugInTime(step, work, course, () => singles.attachSingle(step, work.deadline.signal));
}

/** Lets the host plug one held function for a while. */
export async function plugSteppingStone(
  step: StepOf<"plug-stepping-stone">,
  work: Work,
  course: Course,
): Promise<void> {
  const stones = hostPart(work.hypervisor.host, "steppingStones");
  await plugInTime(step, work, course, () => stones.plugSteppingStone(step, work.deadline.signal));
}

/** Sees that QEMU keeps what was plugged. */
export async function confirm(step: StepOf<"confirm">, work: Work, course: Course): Promise<void> {
  const { hypervisor, deadline, progress } = work;
  const { watch, unplugMs, resetsAtPlug } = course;
  const ranJustNow = unplugMs > 0 || work.hasSwept === true;
  const { guest } = hypervisor;
  await confirmPlug(step, { guest, deadline, progress, watch, unplugMs, resetsAtPlug, ranJustNow });
}

/** The deadline is compared only when the call has returned: it may have pinned memory for long. */
async function plugInTime(
  step: PlugStep,
  work: Work,
  course: Course,
  call: () => Promise<void>,
): Promise<void> {
  const { deadline } = work;
  if (course.isWatched) await course.watch.begin(deadline.signal);
  await assertUnoccupied(step, work, course);
  course.resetsAtPlug = course.watch.resets;
  deadline.extend(Math.ceil((step.pinsBytes ?? 0) / 2 ** 30) * SECONDS_PER_PINNED_GIB);
  await call();
  if (deadline.isOver) throw deadline.error(`${step.target.hostAddress} was plugged too late`);
}

/**
 * Asks QEMU once for all that the plan plugs. QEMU itself refuses an id, or a function of a slot, that it has
 * already. On pseries it dies of some of that (docs/internals/qemu.md, POWER), so it is asked before each
 * plug there.
 */
async function assertUnoccupied({ target, slot }: PlugStep, work: Work, course: Course): Promise<void> {
  const toCome = slot.kind === "pseries" ? [target.qemuId] : course.qemuIdsToCome;
  if (toCome.length === 0) return;
  const there = await work.hypervisor.guest.deviceIds(work.deadline.signal);
  const occupied = toCome.find((id) => there.has(id));
  if (occupied !== undefined)
    throw providerError("PLUG_FAILED", {
      hostAddress: target.hostAddress,
      slot: describeSlot(slot),
      reason: `QEMU has a device ${occupied} already`,
    });
  course.qemuIdsToCome = [];
}
