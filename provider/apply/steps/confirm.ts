import { providerError } from "../../errors";
import { isAcpiSlot } from "../../pci";
import { describeSlot, isHalted, type GuestRunState, type HaltedState } from "../../plan";
import { now } from "../../async/clock";
import type { Deadline } from "../../async/deadline";
import type { PlugWatch } from "./plug-watch";
import type { Guest, GuestState, Progress } from "../ports";
import type { StepOf } from "./work";

type ConfirmStep = StepOf<"confirm">;

/**
 * A guest maps what was plugged some 0.03 to 0.2 s later (docs/internals/qemu.md): an earlier look finds
 * nothing.
 */
const FIRST_INTERVAL_MS = 150;
/** Each look reads registers, which has its price for the guest: four a second. */
const INTERVAL_MS = 250;
/**
 * Looks at function 0 alone; after these every second one is at another function, for the BARs of 0 may find
 * no place.
 */
const READS_AT_FIRST = 4;
/**
 * Longest wait for a guest whose registers tell that it has mapped nothing, by what it took to let go before.
 */
const UNMAPPED_MS = { least: 10_000, most: 60_000, timesUnplug: 2 };
/** The same where nothing tells: late removals were seen for as long as the guest took to let go. */
const UNKNOWN_MS = { least: 2000, most: 5000, timesUnplug: 1 };
/** For a guest that was paused in the middle of the operation to go on. */
const PAUSED_MS = 10_000;
/** What is plugged is not given up because the guest maps nothing: no waiting goes on to the deadline. */
const LEFT_TO_FINISH_MS = 2000;

/** What {@link confirmPlug} works with. */
export interface ConfirmParts {
  readonly guest: Guest;
  readonly deadline: Deadline;
  readonly progress: Progress;
  readonly watch: PlugWatch;
  /** How long the guest took to let go of what was in the slot before; 0 where it was not asked. */
  readonly unplugMs: number;
  /**
   * Whether the guest was seen to run in this operation, so that it is in the middle of it where it is paused
   * now.
   */
  readonly ranJustNow: boolean;
  /** How many resets the watch had heard when function 0 was plugged. */
  readonly resetsAtPlug: number;
}

/**
 * Sees that QEMU still has what was plugged, and will have it: its answer to device_add is no evidence, for a
 * guest that was told more than once to let go of what stood in the slot before ejects what stands there now.
 *
 * Such notifications and that of the plug are worked off by the guest in their order, one by one. So what
 * ends the waiting is that it has mapped the new functions: no earlier notification is left then. A reset
 * forgets them all. Time decides only where neither can be told, and that is said
 * (docs/internals/decisions/0068-confirmed-by-order.md).
 *
 * @throws SLOT_SWEPT at the first function that is missing
 */
export async function confirmPlug(step: ConfirmStep, parts: ConfirmParts): Promise<void> {
  if (step.isWatched) await new MappingWait(step, parts).run();
  await assertAllThere(step, parts.guest, parts.deadline.signal);
}

/** Asks QEMU whether it has all of these. @throws SLOT_SWEPT */
export async function assertAllThere(
  { slot, functions }: Pick<ConfirmStep, "slot" | "functions">,
  guest: Guest,
  signal: AbortSignal,
): Promise<void> {
  const there = await guest.deviceIds(signal);
  const missing = functions.filter((one) => !there.has(one.qemuId));
  if (missing.length > 0)
    throw providerError("SLOT_SWEPT", {
      slot: describeSlot(slot),
      missing: missing.map((one) => one.hostAddress),
    });
}

/** Waits until the guest has mapped what was plugged, or until it is no use to wait longer. */
class MappingWait {
  readonly #step: ConfirmStep;
  readonly #parts: ConfirmParts;
  readonly #startedAt = now();
  #runsSince = this.#startedAt;
  #nextLookAt = this.#startedAt + FIRST_INTERVAL_MS;
  #looks = 0;
  #losses = 0;

  constructor(step: ConfirmStep, parts: ConfirmParts) {
    this.#step = step;
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { watch, deadline, resetsAtPlug } = this.#parts;
    for (;;) {
      await watch.wait(this.#nextLookAt - now(), deadline.signal);
      await this.#assertNothingLost();
      if (isAcpiSlot(this.#step.slot.kind) && watch.resets > resetsAtPlug) return;
      if (now() < this.#nextLookAt) continue;
      this.#nextLookAt = now() + INTERVAL_MS;
      if (await this.#isOver()) return;
    }
  }

  /** An id may be that of an earlier device, whose news came late: QEMU's own list decides. */
  async #assertNothingLost(): Promise<void> {
    const { guest, watch, deadline } = this.#parts;
    const heard = watch.countLosses(this.#step.functions.map((one) => one.qemuId));
    if (heard > this.#losses) await assertAllThere(this.#step, guest, deadline.signal);
    this.#losses = heard;
  }

  /** One look at the registers of a function. */
  async #isOver(): Promise<boolean> {
    const { guest, progress, unplugMs, deadline } = this.#parts;
    const state = await readOneState(this.#step, guest, this.#looks++, deadline.signal);
    const isWatchedLongEnough = this.#hasLastedSince(this.#startedAt, this.#step.watchMs);
    if (state === "enumerated" || state === "driven") return isWatchedLongEnough;
    const runState = await guest.runState(deadline.signal);
    if (isHalted(runState) && runState.unplug !== "waits") throw haltedError(this.#step, runState);
    if (runState !== "running") return this.#isPausedForGood(runState);
    const limit = state === "unknown" ? UNKNOWN_MS : UNMAPPED_MS;
    const limitMs = Math.min(limit.most, Math.max(limit.least, limit.timesUnplug * unplugMs));
    if (!isWatchedLongEnough || !this.#hasLastedSince(this.#runsSince, limitMs)) return false;
    const seconds = Math.round((now() - this.#runsSince) / 1000);
    progress(
      state === "unknown"
        ? `nothing tells whether the guest has taken what was plugged; QEMU has had it for ${seconds} s`
        : `the guest runs and has mapped nothing of what was plugged; QEMU has had it for ${seconds} s`,
    );
    return true;
  }

  #isPausedForGood(runState: GuestRunState): boolean {
    const { watch, ranJustNow, progress } = this.#parts;
    this.#runsSince = now();
    const mayGoOn = runState !== "prelaunch" && (watch.wasPaused || ranJustNow);
    if (mayGoOn && !this.#hasLastedSince(this.#startedAt, PAUSED_MS)) return false;
    progress(
      "the guest is paused: it has not taken what was plugged, and whether it keeps it shows when it is resumed",
    );
    return true;
  }

  #hasLastedSince(since: number, limitMs: number): boolean {
    return now() - since >= limitMs || this.#parts.deadline.remainingMs < LEFT_TO_FINISH_MS;
  }
}

/** It has not seen what was plugged, and will not: that is no attachment. */
function haltedError({ slot }: ConfirmStep, { by, state, meaning, cure }: HaltedState): Error {
  return providerError("GUEST_HALTED_MEANWHILE", { slot: describeSlot(slot), by, state, meaning, cure });
}

/** Function 0, now and then one of the others. */
async function readOneState(
  { functions }: ConfirmStep,
  guest: Guest,
  looks: number,
  signal: AbortSignal,
): Promise<GuestState> {
  const first = functions.find((one) => one.guestFunction === 0);
  const others = functions.filter((one) => one !== first);
  const isOthersTurn = looks >= READS_AT_FIRST && looks % 2 === 1;
  const one = isOthersTurn ? (others[(looks >> 1) % Math.max(1, others.length)] ?? first) : first;
  if (one === undefined) return "unknown";
  const [state] = await guest.guestStates([one.qemuId], signal);
  return state ?? "unknown";
}
