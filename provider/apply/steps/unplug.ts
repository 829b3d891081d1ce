import { providerError } from "../../errors";
import type { PciAddress } from "../../pci";
import { describeSlot, isHalted, type GuestRunState, type HaltedState } from "../../plan";
import { now } from "../../async/clock";
import type { Deadline } from "../../async/deadline";
import { EventQueue } from "../../async/event-queue";
import { sleep } from "../../async/sleep";
import { withTimeLimit } from "../../async/time-limit";
import { endQuietly } from "../end-quietly";
import type { Guest, GuestEnd, GuestEvent, Progress, UnplugAnswer } from "../ports";
import type { Course, Outcome, StepOf, Work } from "./work";

type UnplugStep = StepOf<"unplug">;

/** QEMU is asked again after this long where the guest was still powering the slot on. */
const BUSY_RETRY_MS = 2000;
/**
 * QOM is empty some 150 ms before the VFIO group is closed. Where the events were
 * missed, this much longer is waited before anything is released.
 */
const GROUP_CLOSE_MS = 1000;
/**
 * A guest with a system lets go within 7 s; one that says nothing for longer is looked
 * at.
 */
const SILENCE_MS = 10_000;
/** A slot that was asked more than once may be swept when it is used again at once. */
const REPEATED_SETTLE_MS = 2000;
/**
 * After so many silences, and refusals in a row because of an earlier request, one more function is asked
 * for.
 */
const SILENCES_OF_PENDING = [2, 4, 8];
/** For the look that tells an error which state the guest is in. */
const LAST_INTERVAL_MS = 3000;

/** Empties the slot of the attachment, and keeps how long the guest took for it. */
export async function unplug(step: UnplugStep, work: Work, course: Course): Promise<Outcome> {
  const { hypervisor, deadline, progress } = work;
  const startedAt = now();
  const outcome = await unplugSlot(step, { guest: hypervisor.guest, deadline, progress });
  if (outcome === "guest-stopped") return "guest-stopped";
  course.unplugMs = now() - startedAt;
  return "done";
}

/** What {@link unplugSlot} works with. */
export interface UnplugParts {
  readonly guest: Guest;
  readonly deadline: Deadline;
  readonly progress: Progress;
}

/**
 * Empties one guest slot: listen first, then one request, then wait for DEVICE_DELETED of every function and
 * for QOM to show none of them.
 *
 * - A device that is not there any more counts as gone.
 * - A reset completes a pending ACPI or pseries unplug and cancels a native one: after it, look again and,
 *   where functions remain, ask again.
 * - A guest that runs and says nothing is asked again: a request made in its firmware is lost
 *   (docs/internals/qemu.md). The same id again does no harm: QEMU refuses it where the first is pending or
 *   the guest is at it.
 * - QEMU before 6.2 refuses in a native slot, for good, an id that it was asked for once, though a reset or
 *   the firmware has lost that request. Any function stands for the whole slot, so another one is asked for
 *   then, seldom: a second request cancels a first one that the guest is about to follow.
 * - QEMU ending empties the slot as well.
 * - A guest that says that it does not let go has answered: nothing more is waited for.
 */
export async function unplugSlot(
  step: UnplugStep,
  parts: UnplugParts,
): Promise<"unplugged" | "guest-stopped"> {
  return new UnplugRun(step, parts).run();
}

/** One unplug, from the first request until the guest has released every function. */
class UnplugRun {
  readonly #step: UnplugStep;
  readonly #parts: UnplugParts;
  readonly #queue = new EventQueue<GuestEvent["kind"] | GuestEnd>();
  /** Ids of the functions that the guest still has. */
  readonly #waiting: Set<string>;
  /** Ids that are gone without an event that said so. */
  readonly #unheard = new Set<string>();
  /** Ids that QEMU has a request for. */
  readonly #requested = new Set<string>();
  #hasAsked = false;
  #isBusy = false;
  #isRepeated = false;
  #refusedId: string | undefined;
  /** How many silences in a row ended in a refusal because of an earlier request. */
  #pendingSilences = 0;

  constructor(step: UnplugStep, parts: UnplugParts) {
    this.#step = step;
    this.#parts = parts;
    this.#waiting = new Set(step.functions.map((one) => one.qemuId));
  }

  get #signal(): AbortSignal {
    return this.#parts.deadline.signal;
  }

  async run(): Promise<"unplugged" | "guest-stopped"> {
    const { guest, deadline } = this.#parts;
    const onEvent = (event: GuestEvent): void => this.#hear(event);
    const stopListening = await guest.listen({ onEvent, onEnd: (end) => this.#queue.put(end) }, this.#signal);
    try {
      await this.#markMissingAsGone();
      await this.#requestAll();
      if ((await this.#awaitAll()) === "guest-stopped") return "guest-stopped";
      await this.#assertEmpty();
    } catch (cause) {
      // nobody answers any more if QEMU has ended between a question and the reading of that news
      if (this.#queue.holds("guest-stopped")) return "guest-stopped";
      throw deadline.isOver ? await this.#tooLateError() : cause;
    } finally {
      await endQuietly(stopListening);
    }
    if (this.#isRepeated) await sleep(REPEATED_SETTLE_MS, this.#signal);
    else if (this.#unheard.size > 0) await sleep(GROUP_CLOSE_MS, this.#signal);
    return "unplugged";
  }

  #hear(event: GuestEvent): void {
    if (event.kind === "deleted") this.#waiting.delete(event.qemuId);
    if (event.kind === "unplug-refused") {
      // what comes before this operation has asked answers somebody else
      if (!this.#hasAsked || !this.#waiting.has(event.qemuId)) return;
      this.#refusedId = event.qemuId;
    }
    this.#queue.put(event.kind);
  }

  async #awaitAll(): Promise<Outcome> {
    while (this.#waiting.size > 0) {
      const news = await this.#queue.take(this.#signal, SILENCE_MS);
      if (news === "guest-stopped") return "guest-stopped";
      if (news === "connection-lost")
        throw providerError("GUEST_CONNECTION_LOST", { waitingFor: [...this.#waiting] });
      if (news === "unplug-refused") await this.#assertNotRefused();
      if (news === "resumed") this.#parts.progress("the guest was resumed; waiting for it to let go");
      if (news === "silence") await this.#breakSilence();
      if (news === "reset") await this.#readAgain();
    }
    return "done";
  }

  async #readAgain(): Promise<void> {
    this.#parts.progress("the guest was reset while the unplug was pending; looking again");
    await this.#markMissingAsGone();
    if (this.#waiting.size === 0) return;
    await sleep(BUSY_RETRY_MS, this.#signal);
    await this.#requestAll();
  }

  async #breakSilence(): Promise<void> {
    const { guest, progress } = this.#parts;
    const runState = await guest.runState(this.#signal);
    if (isHalted(runState) && runState.unplug !== "waits") throw this.#haltedError(runState);
    if (runState !== "running") return progress("the guest is paused; it lets go when it is resumed");
    progress("the guest has not let go yet; asking again");
    const isPending = (await this.#requestAll()) === "pending";
    this.#pendingSilences = isPending ? this.#pendingSilences + 1 : 0;
    if (this.#step.slot.kind !== "pcie-native" || !SILENCES_OF_PENDING.includes(this.#pendingSilences))
      return;
    const isLeft = (id: string): boolean => this.#waiting.has(id) && !this.#requested.has(id);
    const another = this.#step.functions.find(({ qemuId }) => isLeft(qemuId));
    if (another !== undefined) await this.#requestOnce(another.qemuId);
  }

  /** QEMU's own list decides: a device that is gone has not refused anything. */
  async #assertNotRefused(): Promise<void> {
    await this.#markMissingAsGone();
    if (this.#refusedId === undefined || !this.#waiting.has(this.#refusedId)) return;
    throw providerError("UNPLUG_REFUSED_BY_GUEST", {
      slot: describeSlot(this.#step.slot),
      functions: this.#waitingAddresses(),
    });
  }

  /** Events alone are no evidence: QOM must show none of the functions. */
  async #assertEmpty(): Promise<void> {
    const left = await this.#parts.guest.deviceIds(this.#signal);
    for (const one of this.#step.functions) if (left.has(one.qemuId)) this.#waiting.add(one.qemuId);
    if (this.#waiting.size > 0) throw await this.#tooLateError();
  }

  /** Nobody has the guest run again by itself: it is no use to wait. */
  #haltedError({ by, state, meaning, cure }: HaltedState): Error {
    return providerError("UNPLUG_NEEDS_RUNNING_GUEST", {
      slot: describeSlot(this.#step.slot),
      functions: this.#waitingAddresses(),
      by,
      state,
      meaning,
      cure,
    });
  }

  #waitingAddresses(): PciAddress[] {
    return this.#step.functions.filter((one) => this.#waiting.has(one.qemuId)).map((one) => one.hostAddress);
  }

  async #tooLateError(): Promise<Error> {
    const { guest, deadline } = this.#parts;
    const look = withTimeLimit(LAST_INTERVAL_MS, (limit) => guest.runState(limit));
    const runState = await look.catch(() => undefined);
    return deadline.error(explainSilence(this.#step, this.#waiting, this.#isBusy ? "busy" : runState));
  }

  async #markMissingAsGone(): Promise<void> {
    const there = await this.#parts.guest.deviceIds(this.#signal);
    for (const id of this.#waiting) if (!there.has(id)) this.#markGone(id);
  }

  #markGone(id: string): void {
    if (this.#waiting.delete(id)) this.#unheard.add(id);
  }

  /** The last answer. */
  async #requestAll(): Promise<UnplugAnswer | undefined> {
    let answer: UnplugAnswer | undefined;
    for (const id of this.#step.requests)
      while (this.#waiting.has(id) && (answer = await this.#requestOnce(id)) === "busy")
        await sleep(BUSY_RETRY_MS, this.#signal);
    return answer;
  }

  async #requestOnce(id: string): Promise<UnplugAnswer> {
    const { guest, progress } = this.#parts;
    // the news of it may come before the answer
    this.#hasAsked = true;
    const answer = await guest.requestUnplug(id, this.#signal);
    this.#isBusy = answer === "busy";
    this.#isRepeated ||= this.#requested.has(id) && answer === "requested";
    if (answer === "requested" || answer === "pending") this.#requested.add(id);
    if (this.#isBusy) progress("the guest is still busy with the slot; asking again in 2 s");
    if (answer === "gone") this.#markGone(id);
    return answer;
  }
}

/** What state the guest is in, and what to do. */
function explainSilence(
  step: UnplugStep,
  waiting: ReadonlySet<string>,
  state: GuestRunState | "busy" | undefined,
): string {
  const what = `let go of ${[...waiting].join(", ")} in slot ${describeSlot(step.slot)}`;
  if (state === "busy")
    return (
      `the guest was busy with that slot all the time (its power indicator blinks), and takes no request to ` +
      `${what} then. Let it boot or settle, or reset it, and run again`
    );
  if (typeof state === "object")
    return `the guest ${state.meaning}, and has not ${what}; the request stays with it. ${state.cure}`;
  if (state === "paused" || state === "prelaunch")
    return `the guest is paused, and has not ${what}; the request stays with it. Resume the guest, and run again`;
  return (
    `the guest has not ${what}${state === "running" ? ", though it runs" : ""}; the request stays with it. Its system may ` +
    `still be starting, may have hung or know no hotplug, or its driver may be waiting for a user of the device. ` +
    `See to that in the guest, or reset it, and run again`
  );
}
