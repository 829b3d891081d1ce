import { fail } from "../errors";
import type { Step } from "../plan";
import { describeSlot } from "../plan";
import { pause, type Deadline } from "./deadline";
import type { Guest, Progress } from "./ports";

type UnplugStep = Extract<Step, { kind: "unplug" }>;

/** QEMU is asked again after this long where the guest was still powering the slot on (qemu.md, rule 7). */
const BUSY_RETRY_MS = 2000;
/**
 * QOM is empty some 150 ms before the VFIO group is closed (libvirt.md, step 4). Where the events were
 * missed, this much longer is waited before anything is released.
 */
const GROUP_CLOSE_MS = 1000;

/**
 * Empties one guest slot: listen first, then one request, then wait for DEVICE_DELETED of every function
 * and for QOM to show none of them.
 *
 * - A device that is not there any more counts as gone (qemu.md, rule 6).
 * - A reset completes a pending ACPI or pseries unplug and cancels a native one: after it, look again and,
 *   where functions remain, ask again (rule 9).
 * - QEMU ending empties the slot as well.
 */
export async function unplugSlot(
  guest: Guest,
  step: UnplugStep,
  deadline: Deadline,
  progress: Progress,
): Promise<"unplugged" | "guest-stopped"> {
  const { signal } = deadline;
  const waiting = new Set(step.functions.map((one) => one.qemuId));
  const mailbox = new Mailbox();
  const unheard = new Set<string>();
  const stopListening = await guest.listen((event) => {
    if (event.kind === "deleted") waiting.delete(event.qemuId);
    mailbox.put(event.kind);
  }, signal);
  try {
    await strikeOffMissing();
    await requestAll(guest, step.requests, deadline);
    while (waiting.size > 0) {
      const news = await mailbox.take(signal).catch((cause: unknown) => {
        throw deadlineReason(step, waiting, deadline, cause);
      });
      if (news === "stopped") return "guest-stopped";
      if (news === "lost") throw fail("GUEST_CONNECTION_LOST", { waitingFor: [...waiting] });
      if (news === "resumed") progress("the guest was resumed; waiting for it to let go");
      if (news !== "reset") continue;
      progress("the guest was reset while the unplug was pending; looking again");
      await strikeOffMissing();
      if (waiting.size > 0) {
        await pause(BUSY_RETRY_MS, signal);
        await requestAll(guest, step.requests, deadline);
      }
    }
    const left = await guest.deviceIds(signal);
    for (const one of step.functions) if (left.has(one.qemuId)) waiting.add(one.qemuId);
    if (waiting.size > 0) throw deadlineReason(step, waiting, deadline, undefined);
  } catch (cause) {
    // nobody answers any more where QEMU has ended between a question and the reading of that news
    if (mailbox.holds("stopped")) return "guest-stopped";
    throw cause;
  } finally {
    await stopListening();
  }
  if (unheard.size > 0) await pause(GROUP_CLOSE_MS, signal);
  return "unplugged";

  async function strikeOffMissing(): Promise<void> {
    const there = await guest.deviceIds(signal);
    for (const id of waiting) if (!there.has(id) && waiting.delete(id)) unheard.add(id);
  }

  async function requestAll(target: Guest, ids: readonly string[], limit: Deadline): Promise<void> {
    for (const id of ids) {
      if (!waiting.has(id)) continue;
      while ((await askOnce(target, id, limit)) === "busy") await pause(BUSY_RETRY_MS, limit.signal);
    }
  }

  async function askOnce(target: Guest, id: string, limit: Deadline): Promise<string> {
    const answer = await target.requestUnplug(id, limit.signal);
    if (answer === "busy") progress("the guest is still busy with the slot; asking again in 2 s");
    if (answer === "gone" && waiting.delete(id)) unheard.add(id);
    return answer;
  }
}

function deadlineReason(
  step: UnplugStep,
  waiting: ReadonlySet<string>,
  deadline: Deadline,
  cause: unknown,
): unknown {
  if (!deadline.isOver && cause !== undefined) return cause;
  return deadline.error(
    `the guest has not let go of ${[...waiting].join(", ")} in slot ${describeSlot(step.slot)}; ` +
      `the request stays with it. See that it runs and that its driver lets go, then run again`,
  );
}

/** Events in their order, for one reader that waits for the next. */
class Mailbox {
  readonly #unread: string[] = [];
  #wake: (() => void) | undefined;

  put(kind: string): void {
    this.#unread.push(kind);
    this.#wake?.();
  }

  holds(kind: string): boolean {
    return this.#unread.includes(kind);
  }

  async take(signal: AbortSignal): Promise<string> {
    for (;;) {
      const next = this.#unread.shift();
      if (next !== undefined) return next;
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const aborted = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", aborted, { once: true });
        this.#wake = () => {
          signal.removeEventListener("abort", aborted);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }
}
