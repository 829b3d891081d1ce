import { causeText, providerError, hasCode } from "../errors";
import { isVfioDriver } from "../host/facts";
import { describeSlot, describeStep, listFunctions, type Plan, type PlugTarget, type Step } from "../plan";
import { BootWatch } from "./steps/boot-watch";
import { confirmPlug, refuseMissing } from "./steps/confirm";
import { now, setRepeatingTimer } from "../async/clock";
import type { Deadline } from "../async/deadline";
import { sleep } from "../async/sleep";
import { PlugWatch } from "./steps/plug-watch";
import type { Hypervisor, Progress } from "./ports";
import { unplugSlot } from "./steps/unplug";

type StepOf<K extends Step["kind"]> = Extract<Step, { kind: K }>;

/** Host drivers come back by themselves within 2 to 4 s where the guest has ended (libvirt.md). */
const DRIVER_INTERVAL_MS = 500;
const DRIVER_OWN_ACCORD_MS = 6000;
/** Libvirt hands four cold-plugged functions back within 10 s of their unplug, 1 to 1.5 s apart (libvirt.md). */
const REATTACH_INTERVAL_MS = 500;
const REATTACH_DRIVER_MS = 10_000;

/** Time allowed for pinning, which the kernel does at some GiB a second (docs/internals/decisions/0014-time-for-pinning.md). */
const SECONDS_PER_PINNED_GIB = 1;

/** A guest sees what was plugged after 0.7 s (qemu.md section 3). */
const TAKEN_MS = 2000;
const TAKEN_INTERVAL_MS = 250;

/** How often a step that takes long says so. */
const STILL_MS = 5000;

/** What a plan is carried out with. */
export interface Work {
  readonly hypervisor: Hypervisor;
  readonly deadline: Deadline;
  readonly progress: Progress;
  /** Told of each step before it begins. */
  readonly onStep?: (step: Step) => void;
  /** Told after each step, or steps that ran together, how many of the plan are done. */
  readonly passed?: (steps: number) => void;
  /** Set by {@link runPlan} for the next plan of the same operation: the guest was running when it swept a slot. */
  hasSwept?: boolean;
}

/**
 * Carries a plan out, step by step; ends with the first error. What to undo then is planned anew from
 * what is really there, because a step that failed may have happened all the same.
 *
 * Independent steps run together: all holds after the first (which opens the group's node, where libvirt holds), all
 * releases.
 *
 * @returns `guest-stopped` where QEMU ended meanwhile: nothing is plugged or held any more.
 */
export async function runPlan(plan: Plan, work: Work): Promise<"done" | "guest-stopped"> {
  const { hypervisor, deadline, progress } = work;
  const { guest } = hypervisor;
  const watch = new PlugWatch(guest);
  const qemuIds = plan.steps.flatMap((step) =>
    step.kind === "plug" || step.kind === "attach-single" || step.kind === "plug-stepping-stone"
      ? [step.target.qemuId]
      : [],
  );
  const course: Course = {
    watch,
    bootWatch: new BootWatch({ guest, deadline, progress, watch }),
    isWatched: plan.steps.some((step) => step.kind === "confirm" && step.isWatched),
    plugged: [],
    unplugMs: 0,
    resetsAtPlug: 0,
    qemuIdsToCome: qemuIds,
  };
  try {
    return await runSteps(plan.steps, work, course);
  } catch (cause) {
    work.hasSwept ||= hasCode(cause, "SLOT_SWEPT");
    throw cause;
  } finally {
    await watch.end();
  }
}

/** What later steps have to know of earlier ones. */
interface Course {
  readonly watch: PlugWatch;
  readonly bootWatch: BootWatch;
  /** Whether what is plugged may be swept, so that the guest is heard from before the first plug. */
  readonly isWatched: boolean;
  /** What was plugged into the slot, function 0 last. */
  readonly plugged: PlugTarget[];
  /** How long the guest took to let go: tells how slow it is. */
  unplugMs: number;
  /** How many resets had been heard when function 0 was about to be plugged. */
  resetsAtPlug: number;
  /** Ids of what is still to be plugged, and has to be looked for before. */
  qemuIdsToCome: readonly string[];
}

async function runSteps(
  steps: readonly Step[],
  work: Work,
  course: Course,
): Promise<"done" | "guest-stopped"> {
  for (let next = 0; next < steps.length;) {
    work.deadline.signal.throwIfAborted();
    const batch = independentSteps(steps, next, work.hypervisor.host.firstHold ?? "alone");
    for (const [index, step] of batch.entries()) {
      work.progress(`${next + index + 1}/${steps.length} ${describeStep(step)}`);
      work.onStep?.(step);
    }
    const through = next + batch.length;
    const which = batch.length === 1 ? `${through}` : `${next + 1}-${through}`;
    const stopTelling = reportElapsed(work.progress, `${which}/${steps.length}`);
    try {
      if ((await runBatch(batch, work, course)) === "guest-stopped") return "guest-stopped";
    } finally {
      stopTelling();
    }
    next += batch.length;
    work.passed?.(next);
  }
  return "done";
}

async function runBatch(
  batch: readonly Step[],
  work: Work,
  course: Course,
): Promise<"done" | "guest-stopped"> {
  const [only] = batch;
  const unplug = batch.length === 1 ? unplugOf(only) : undefined;
  if (unplug === undefined) {
    await settleAll(batch.map((step) => runStep(step, work, course)));
    return "done";
  }
  const { guest, host } = work.hypervisor;
  if (only?.kind === "unplug-stepping-stone") await awaitTaken(only, work);
  const startedAt = now();
  if ((await unplugSlot(guest, unplug, work.deadline, work.progress)) === "guest-stopped")
    return "guest-stopped";
  course.unplugMs = now() - startedAt;
  if (only?.kind === "unplug-stepping-stone")
    await host.unplugSteppingStone(only.target, work.deadline.signal);
  return "done";
}

/** Says now and then that a step is still under way; the result ends that. */
function reportElapsed(progress: Progress, which: string): () => void {
  const startedAt = now();
  const timer = setRepeatingTimer(
    () => progress(`step ${which}: still under way after ${Math.round((now() - startedAt) / 1000)} s`),
    STILL_MS,
    { isBackground: true },
  );
  return () => timer.cancel();
}

/**
 * A request that reaches the guest while it is still taking what was plugged may cancel both, and stays pending for ever in
 * QEMU 5.2 (qemu.md 1.3, section 4). A guest whose driver enables the device tells when it has; any other gets a moment.
 */
async function awaitTaken(
  { target }: StepOf<"unplug-stepping-stone">,
  { hypervisor, deadline }: Work,
): Promise<void> {
  const endsAt = now() + TAKEN_MS;
  while (now() < endsAt) {
    if ((await hypervisor.guest.view([target.qemuId], deadline.signal)).guestConfigured) return;
    await sleep(TAKEN_INTERVAL_MS, deadline.signal);
  }
}

/** What a step asks the guest to let go of; undefined where it asks nothing. */
function unplugOf(step: Step | undefined): StepOf<"unplug"> | undefined {
  if (step?.kind === "unplug") return step;
  if (step?.kind !== "unplug-stepping-stone") return undefined;
  const { slot, target } = step;
  return { kind: "unplug", slot, functions: [target], requests: [target.qemuId], seenByGuest: true };
}

/** The steps from `start` that may run together. */
function independentSteps(
  steps: readonly Step[],
  start: number,
  firstHold: "alone" | "with-others",
): readonly Step[] {
  const first = steps[start];
  if (first === undefined) return [];
  const isFirstOfGroup = first.kind === "hold" && steps[start - 1]?.kind !== "hold" && firstHold === "alone";
  if ((first.kind !== "hold" && first.kind !== "release") || isFirstOfGroup) return [first];
  let end = start + 1;
  while (steps[end]?.kind === first.kind) end++;
  return steps.slice(start, end);
}

/** Like Promise.all, but lets none of the calls run on unwatched after one has failed. */
async function settleAll(running: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(running);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason as Error;
}

async function runStep(step: Step, work: Work, course: Course): Promise<void> {
  const { hypervisor, deadline } = work;
  const { signal } = deadline;
  switch (step.kind) {
    case "record":
      return hypervisor.ledger.record(step.entry, step.locations, signal);
    case "erase":
      return hypervisor.ledger.erase(step.entry, step.locations, signal);
    case "hold":
      return hypervisor.host.hold(step.hostAddress, step.alias, signal, step.vfioDriver);
    case "attach-single":
      return attachSingle(step, work, course);
    case "plug-stepping-stone":
      return plugInTime(step, work, course, () =>
        hypervisor.host.plugSteppingStone(step.target, step.slot, signal),
      );
    case "plug":
      return plug(step, work, course);
    case "confirm":
      return confirmPlug(step, {
        guest: hypervisor.guest,
        deadline,
        progress: work.progress,
        watch: course.watch,
        unplugMs: course.unplugMs,
        resetsAtPlug: course.resetsAtPlug,
        ranJustNow: course.unplugMs > 0 || work.hasSwept === true,
      });
    case "release":
      return release(step, work);
    case "await-reattach":
      return awaitReattach(step, work);
    case "configure":
      return hypervisor.host.configure(step.functions, signal);
    case "unconfigure":
      return hypervisor.host.unconfigure(step.functions, signal);
    case "restore":
      return restore(step, work);
    case "unplug":
    case "unplug-stepping-stone":
      throw new Error("an unplug is carried out by unplugSlot");
  }
}

async function plug(step: StepOf<"plug">, work: Work, course: Course): Promise<void> {
  const { target, slot, multifunction } = step;
  const { guest } = work.hypervisor;
  const { watch, plugged } = course;
  if (target.guestFunction === 0) {
    course.bootWatch.refuseHalfBooted(slot);
    // a part of a set is not shown, but plugged anew
    const lost = watch.countLosses(plugged.map((one) => one.qemuId)) > 0;
    if (lost) await refuseMissing({ slot, functions: plugged }, guest, work.deadline.signal);
  } else await course.bootWatch.begin(slot);
  await plugInTime(step, work, course, () => guest.plug(target, slot, { multifunction }));
  plugged.push(target);
}

/** Nothing can be half plugged here. */
async function attachSingle(step: StepOf<"attach-single">, work: Work, course: Course): Promise<void> {
  const { target, slot, vfioDriver } = step;
  const { host } = work.hypervisor;
  await plugInTime(step, work, course, () => host.attach(target, slot, work.deadline.signal, vfioDriver));
}

/** The deadline is looked at only when the call has come back: it may have pinned memory for long. */
async function plugInTime(
  step: StepOf<"plug" | "attach-single" | "plug-stepping-stone">,
  work: Work,
  course: Course,
  call: () => Promise<void>,
): Promise<void> {
  const { deadline } = work;
  if (course.isWatched) await course.watch.begin(deadline.signal);
  await refuseOccupied(step, work, course);
  course.resetsAtPlug = course.watch.resets;
  deadline.extend(Math.ceil((step.pinsBytes ?? 0) / 2 ** 30) * SECONDS_PER_PINNED_GIB);
  await call();
  if (deadline.isOver) throw deadline.error(`${step.target.hostAddress} was plugged too late`);
}

/**
 * One look for all that the plan plugs. QEMU itself refuses an id, or a function of a slot, that it has already; on
 * pseries it dies of some of that (qemu.md 1.1), so that the look is made before each.
 */
async function refuseOccupied(
  step: StepOf<"plug" | "attach-single" | "plug-stepping-stone">,
  work: Work,
  course: Course,
): Promise<void> {
  const { target, slot } = step;
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

async function release(
  { hostAddress: address, alias, hostDriver }: StepOf<"release">,
  work: Work,
): Promise<void> {
  const vfioDriver = isVfioDriver(hostDriver) ? hostDriver : undefined;
  await work.hypervisor.host.release(address, alias, work.deadline.signal, vfioDriver);
}

/** Looks until libvirt has none of these functions for the guest any more; the deadline ends it. */
async function awaitReattach(step: StepOf<"await-reattach">, { hypervisor, deadline }: Work): Promise<void> {
  for (;;) {
    const there = await hypervisor.host.heldAliases(deadline.signal);
    const left = step.functions.filter((one) => there.has(one.alias)).map((one) => one.hostAddress);
    if (left.length === 0) return;
    const reason = `libvirt has not handed ${listFunctions(left)} back to the host yet`;
    await deadline.sleep(REATTACH_INTERVAL_MS, reason);
  }
}

/**
 * Sees every driver back: waits for those that come by themselves, then binds what is still missing.
 * Its own failure names the functions left without a driver.
 */
async function restore(step: StepOf<"restore">, work: Work): Promise<void> {
  const { drivers } = step;
  const patienceMs = {
    release: 0,
    "guest-end": DRIVER_OWN_ACCORD_MS,
    libvirt: REATTACH_DRIVER_MS,
  }[step.givenBackBy];
  const { host } = work.hypervisor;
  const { signal } = work.deadline;
  const missing = async (): Promise<StepOf<"restore">["drivers"]> => {
    const now = await host.readFunctions(
      drivers.map((one) => one.hostAddress),
      signal,
    );
    return drivers.filter(({ hostAddress: address }) => {
      const one = now.find((candidate) => candidate.hostAddress === address);
      return one !== undefined && (one.driver === undefined || isVfioDriver(one.driver));
    });
  };
  const patienceEndsAt = now() + patienceMs;
  let left = await missing();
  while (left.length > 0 && now() < patienceEndsAt) {
    await sleep(DRIVER_INTERVAL_MS, signal);
    left = await missing();
  }
  const reasons: string[] = [];
  for (const { hostAddress: address, hostDriver } of left) {
    work.progress(`${address} came back without its driver ${hostDriver}; binding it again`);
    await host.rebind(address, signal).catch((cause: unknown) => {
      if (hasCode(cause, "DEADLINE_EXCEEDED")) throw cause;
      reasons.push(causeText(cause));
    });
  }
  if (left.length > 0) left = await missing();
  if (left.length > 0)
    throw providerError("DRIVER_NOT_BACK", {
      functions: left.map((one) => `${one.hostAddress} (was on ${one.hostDriver})`),
      reason: reasons.join("; ") || "the host did not bind it",
    });
}
