/**
 * Whether the guest can take part in a plug or an unplug. `paused`: its code stands still, and goes on where
 * somebody resumes it. `prelaunch`: started paused and never run, or reset while it stood still, in which
 * state an ACPI unplug request blocks the slot. `off`: defined, not running. `missing`: the host has no such
 * guest. Whatever else QEMU or libvirt says is a {@link HaltedState}.
 */
export type GuestRunState = "running" | "paused" | "prelaunch" | "off" | "missing" | HaltedState;

/** A guest that has a QEMU, and is given nothing now. */
export interface HaltedState {
  /** Whose word the state is. */
  readonly by: "QEMU" | "libvirt";
  /** As QEMU or virsh names it: `shutdown`, `paused (migration)`. */
  readonly state: string;
  /** What it means, as the rest of a sentence about the guest: `has been switched off, …`. */
  readonly meaning: string;
  /** What to do before the next run, in a sentence. */
  readonly cure: string;
  /**
   * What becomes of a request to let go of a device. `waits`: the guest follows it when somebody has it run
   * again. `stays`: nobody will, so that what QEMU does not give up at once is not waited for. `refused`: not
   * asked for, since the machine is about to be another process's, or is being read or written.
   */
  readonly unplug: "waits" | "stays" | "refused";
}

/** Whether the guest has a QEMU that can be given nothing now. */
export function isHalted(runState: GuestRunState): runState is HaltedState {
  return typeof runState === "object";
}

/** The state in one word, for lists: `halted` for every {@link HaltedState}. */
export function wordOf(runState: GuestRunState): Exclude<GuestRunState, HaltedState> | "halted" {
  return isHalted(runState) ? "halted" : runState;
}
