import { now, setRepeatingTimer } from "../async/clock";
import { hasCode } from "../errors";
import { describeStep, type Plan, type Step } from "../plan";
import type { Hypervisor, Progress } from "./ports";
import { BootWatch } from "./steps/boot-watch";
import { hostPart } from "./steps/host-part";
import { attachSingle, confirm, plug, plugSteppingStone } from "./steps/plug";
import { PlugWatch } from "./steps/plug-watch";
import { awaitReattach, release, restore } from "./steps/release";
import { unplug } from "./steps/unplug";
import { unplugSteppingStone } from "./steps/unplug-stepping-stone";
import type { Course, Outcome, Work } from "./steps/work";

/** How often a step that takes long says so. */
const STILL_MS = 5000;

/**
 * Carries a plan out, step by step; ends with the first error. What to undo then is planned anew from what is
 * really there, because a step that failed may have happened all the same.
 *
 * Independent steps run together: all holds (the first of them alone if the host asks for that), all
 * releases.
 *
 * @returns `guest-stopped` if QEMU ended meanwhile: nothing is plugged or held any more
 */
export async function runPlan(plan: Plan, work: Work): Promise<Outcome> {
  const course = courseOf(plan, work);
  try {
    return await runSteps(plan.steps, work, course);
  } catch (cause) {
    work.hasSwept ||= hasCode(cause, "SLOT_SWEPT");
    throw cause;
  } finally {
    await course.watch.end();
  }
}

function courseOf({ steps }: Plan, { hypervisor, deadline, progress }: Work): Course {
  const { guest } = hypervisor;
  const watch = new PlugWatch(guest);
  return {
    watch,
    bootWatch: new BootWatch({ guest, deadline, progress, watch }),
    isWatched: steps.some((step) => step.kind === "confirm" && step.isWatched),
    plugged: [],
    unplugMs: 0,
    resetsAtPlug: 0,
    qemuIdsToCome: steps.flatMap((step) =>
      step.kind === "plug" || step.kind === "attach-single" || step.kind === "plug-stepping-stone"
        ? [step.target.qemuId]
        : [],
    ),
  };
}

async function runSteps(steps: readonly Step[], work: Work, course: Course): Promise<Outcome> {
  const { deadline, hypervisor, observer } = work;
  for (let next = 0; next < steps.length;) {
    deadline.signal.throwIfAborted();
    const batch = independentSteps(steps, next, hypervisor.host.firstHold);
    for (const [index, step] of batch.entries()) {
      work.progress(`${next + index + 1}/${steps.length} ${describeStep(step)}`);
      observer?.onStep();
    }
    const through = next + batch.length;
    const which = batch.length === 1 ? `${through}` : `${next + 1}-${through}`;
    const stopReporting = reportElapsed(work.progress, `${which}/${steps.length}`);
    try {
      if ((await runBatch(batch, work, course)) === "guest-stopped") return "guest-stopped";
    } finally {
      stopReporting();
    }
    next = through;
    observer?.onProgress(next);
  }
  return "done";
}

/** The steps from `start` that may run together. */
function independentSteps(
  steps: readonly Step[],
  start: number,
  firstHold: Hypervisor["host"]["firstHold"],
): readonly Step[] {
  const first = steps[start];
  if (first === undefined) return [];
  const isFirstOfGroup = first.kind === "hold" && steps[start - 1]?.kind !== "hold" && firstHold === "alone";
  if ((first.kind !== "hold" && first.kind !== "release") || isFirstOfGroup) return [first];
  let end = start + 1;
  while (steps[end]?.kind === first.kind) end++;
  return steps.slice(start, end);
}

/** Says now and then that a step is still under way, until the returned function is called. */
function reportElapsed(progress: Progress, which: string): () => void {
  const startedAt = now();
  const timer = setRepeatingTimer(
    () => progress(`step ${which}: still under way after ${Math.round((now() - startedAt) / 1000)} s`),
    STILL_MS,
    { isBackground: true },
  );
  return () => timer.cancel();
}

/** Lets none of the calls run on unwatched after one has failed. */
async function runBatch(batch: readonly Step[], work: Work, course: Course): Promise<Outcome> {
  const results = await Promise.allSettled(batch.map((step) => runStep(step, work, course)));
  let outcome: Outcome = "done";
  for (const result of results) {
    if (result.status === "rejected") throw result.reason as Error;
    if (result.value === "guest-stopped") outcome = "guest-stopped";
  }
  return outcome;
}

async function runStep(step: Step, work: Work, course: Course): Promise<Outcome> {
  if (step.kind === "unplug") return unplug(step, work, course);
  if (step.kind === "unplug-stepping-stone") return unplugSteppingStone(step, work, course);
  await runOtherStep(step, work, course);
  return "done";
}

/** A step that does not wait for the guest to release something. */
async function runOtherStep(
  step: Exclude<Step, { kind: "unplug" | "unplug-stepping-stone" }>,
  work: Work,
  course: Course,
): Promise<void> {
  const { host, ledger } = work.hypervisor;
  const { signal } = work.deadline;
  switch (step.kind) {
    case "record":
      return ledger.record(step.entry, step.locations, signal);
    case "erase":
      return ledger.erase(step.entry, step.locations, signal);
    case "configure":
      return hostPart(host, "configuration").configure(step.functions, signal);
    case "unconfigure":
      return hostPart(host, "configuration").unconfigure(step.functions, signal);
    case "hold":
      return host.hold(step, signal);
    case "attach-single":
      return attachSingle(step, work, course);
    case "plug-stepping-stone":
      return plugSteppingStone(step, work, course);
    case "plug":
      return plug(step, work, course);
    case "confirm":
      return confirm(step, work, course);
    case "release":
      return release(step, work);
    case "await-reattach":
      return awaitReattach(step, work);
    case "restore":
      return restore(step, work);
  }
}
