import { providerError } from "../../errors";
import { describeSlot, type GuestRunState, type Step } from "../../plan";
import type { Deadline } from "../../async/deadline";
import { EventQueue } from "../../async/event-queue";
import { sleep } from "../../async/sleep";
import { withTimeLimit } from "../../async/time-limit";
import { endQuietly } from "../end-quietly";
import type { Guest, GuestEvent, Progress, UnplugAnswer } from "../ports";

type UnplugStep = Extract<Step, { kind: "unplug" }>;

/** QEMU is asked again after this long where the guest was still powering the slot on (qemu.md, rule 7). */
const BUSY_RETRY_MS = 2000;
/**
 * QOM is empty some 150 ms before the VFIO group is closed (libvirt.md, step 4). Where the events were
 * missed, this much longer is waited before anything is released.
 */
const GROUP_CLOSE_MS = 1000;
/** A guest with a system lets go within 7 s (qemu.md section 4); one that says nothing for longer is looked at. */
const SILENCE_MS = 10_000;
/** A slot that was asked more than once may be swept when it is used again at once (qemu.md, rule 8). */
const REPEATED_SETTLE_MS = 2000;
/** After so many silences, and refusals in a row because of an earlier request, one more function is asked for. */
const SILENCES_OF_PENDING = [2, 4, 8];
/** For the look that tells an error which state the guest is in. */
const LAST_INTERVAL_MS = 3000;

/**
 * Empties one guest slot: listen first, then one request, then wait for DEVICE_DELETED of every function
 * and for QOM to show none of them.
 *
 * - A device that is not there any more counts as gone (qemu.md, rule 6).
 * - A reset completes a pending ACPI or pseries unplug and cancels a native one: after it, look again and,
 *   where functions remain, ask again (rule 9).
 * - A guest that runs and says nothing is asked again: a request made in its firmware is lost (docs/internals/qemu.md).
 *   The same id again does no harm: QEMU refuses it where the first is pending or the guest is at it.
 * - QEMU before 6.2 refuses in a native slot, for good, an id that it was asked for once, though a reset or the
 *   firmware has lost that request. Any function stands for the whole slot, so another one is asked for then, seldom:
 *   a second request cancels a first one that the guest is about to follow (qemu.md 1.3).
 * - QEMU ending empties the slot as well.
 * - A guest that says that it does not let go has answered: nothing more is waited for.
 */
export async function unplugSlot(
  guest: Guest,
  step: UnplugStep,
  deadline: Deadline,
  progress: Progress,
): Promise<"unplugged" | "guest-stopped"> {
  const { signal } = deadline;
  const waiting = new Set(step.functions.map((one) => one.qemuId));
  const queue = new EventQueue<GuestEvent["kind"]>();
  const unheard = new Set<string>();
  const asked = {
    ids: new Set<string>(),
    hasBegun: false,
    isBusy: false,
    isRepeated: false,
    refused: undefined as string | undefined,
  };
  let pendingSilences = 0;
  const stopListening = await guest.listen((event) => {
    if (event.kind === "deleted") waiting.delete(event.qemuId);
    if (event.kind === "unplug-refused") {
      // what comes before this operation has asked answers somebody else
      if (!asked.hasBegun || !waiting.has(event.qemuId)) return;
      asked.refused = event.qemuId;
    }
    queue.put(event.kind);
  }, signal);
  try {
    await markMissingAsGone();
    await requestAll();
    while (waiting.size > 0) {
      const news = await queue.take(signal, SILENCE_MS);
      if (news === "stopped") return "guest-stopped";
      if (news === "lost") throw providerError("GUEST_CONNECTION_LOST", { waitingFor: [...waiting] });
      if (news === "unplug-refused") await refuseUnlessGone();
      if (news === "resumed") progress("the guest was resumed; waiting for it to let go");
      if (news === "silence") await breakSilence();
      if (news !== "reset") continue;
      progress("the guest was reset while the unplug was pending; looking again");
      await markMissingAsGone();
      if (waiting.size > 0) {
        await sleep(BUSY_RETRY_MS, signal);
        await requestAll();
      }
    }
    const left = await guest.deviceIds(signal);
    for (const one of step.functions) if (left.has(one.qemuId)) waiting.add(one.qemuId);
    if (waiting.size > 0) throw await tooLate();
  } catch (cause) {
    // nobody answers any more where QEMU has ended between a question and the reading of that news
    if (queue.holds("stopped")) return "guest-stopped";
    throw deadline.isOver ? await tooLate() : cause;
  } finally {
    await endQuietly(stopListening);
  }
  if (asked.isRepeated) await sleep(REPEATED_SETTLE_MS, signal);
  else if (unheard.size > 0) await sleep(GROUP_CLOSE_MS, signal);
  return "unplugged";

  async function breakSilence(): Promise<void> {
    const runState = await guest.runState(signal);
    if (runState !== "running") return progress("the guest is paused; it lets go when it is resumed");
    progress("the guest has not let go yet; asking again");
    pendingSilences = (await requestAll()) === "pending" ? pendingSilences + 1 : 0;
    const isTime = SILENCES_OF_PENDING.includes(pendingSilences);
    const another = step.functions.find(({ qemuId }) => waiting.has(qemuId) && !asked.ids.has(qemuId));
    if (step.slot.kind === "pcie-native" && isTime && another !== undefined) await askOnce(another.qemuId);
  }

  async function refuseUnlessGone(): Promise<void> {
    await markMissingAsGone();
    const { refused } = asked;
    if (refused === undefined || !waiting.has(refused)) return;
    const functions = step.functions.filter((one) => waiting.has(one.qemuId)).map((one) => one.hostAddress);
    throw providerError("UNPLUG_REFUSED_BY_GUEST", { slot: describeSlot(step.slot), functions });
  }

  async function tooLate(): Promise<Error> {
    const look = withTimeLimit(LAST_INTERVAL_MS, (limit) => guest.runState(limit));
    const runState = await look.catch(() => undefined);
    return deadline.error(explainSilence(step, waiting, asked.isBusy ? "busy" : runState));
  }

  async function markMissingAsGone(): Promise<void> {
    const there = await guest.deviceIds(signal);
    for (const id of waiting) if (!there.has(id) && waiting.delete(id)) unheard.add(id);
  }

  /** The last answer. */
  async function requestAll(): Promise<UnplugAnswer | undefined> {
    let answer: UnplugAnswer | undefined;
    for (const id of step.requests)
      while (waiting.has(id) && (answer = await askOnce(id)) === "busy") await sleep(BUSY_RETRY_MS, signal);
    return answer;
  }

  async function askOnce(id: string): Promise<UnplugAnswer> {
    // its news may come before the answer
    asked.hasBegun = true;
    const answer = await guest.requestUnplug(id, signal);
    asked.isBusy = answer === "busy";
    asked.isRepeated ||= asked.ids.has(id) && answer === "requested";
    if (answer === "requested" || answer === "pending") asked.ids.add(id);
    if (asked.isBusy) progress("the guest is still busy with the slot; asking again in 2 s");
    if (answer === "gone" && waiting.delete(id)) unheard.add(id);
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
  if (state === "paused" || state === "prelaunch")
    return `the guest is paused, and has not ${what}; the request stays with it. Resume the guest, and run again`;
  return (
    `the guest has not ${what}${state === "running" ? ", though it runs" : ""}; the request stays with it. Its system may ` +
    `still be starting, may have hung or know no hotplug, or its driver may be waiting for a user of the device. ` +
    `See to that in the guest, or reset it, and run again`
  );
}
