import type { GuestRunState, HaltedState } from "../../plan";
import { isRecord, QmpProtocolError, type QmpMonitor } from "../../qmp";

type Halt = Omit<HaltedState, "by" | "state">;

const END_IT =
  "Start it again, or end that QEMU (virsh destroy, or quit on its monitor), which gives its functions back";
const MIGRATION_ENDS = "Wait until the migration has ended, and run again.";

/**
 * Every state of QEMU 5.2 to 11 (qapi/run-state.json) and what an operation may do in it, by what QEMU's own
 * table of transitions lets follow (system/runstate.c). QEMU takes a device_add in each but preconfig, so
 * that its answer is no evidence (docs/internals/qemu.md, "Run states").
 */
const RUN_STATES: Readonly<Record<string, "running" | "paused" | "prelaunch" | Halt>> = {
  running: "running",
  // somebody has it go on: by cont, a debugger, an event that wakes it
  paused: "paused",
  debug: "paused",
  suspended: "paused",
  prelaunch: "prelaunch",
  // a device is at fault, and cont tries again
  "io-error": {
    meaning: "stands still since a disk of it failed",
    cure: "Put the disk right, resume the guest and run again.",
    unplug: "waits",
  },
  watchdog: {
    meaning: "stands still since its watchdog was not served in time: its system hangs",
    cure: "Resume or reset the guest and run again.",
    unplug: "waits",
  },
  // nothing goes on without a reset
  shutdown: {
    meaning: "has been switched off, and its QEMU was kept (-no-shutdown)",
    cure: `${END_IT}; then run again.`,
    unplug: "stays",
  },
  "guest-panicked": {
    meaning: "stands still since its system panicked",
    cure: `Reset it; or end that QEMU (virsh destroy, or quit on its monitor); then run again.`,
    unplug: "stays",
  },
  "internal-error": {
    meaning: "cannot go on after an error of QEMU or KVM",
    cure: `Look into QEMU's log. ${END_IT}; then run again.`,
    unplug: "stays",
  },
  // the machine is another process's, or about to be
  inmigrate: {
    meaning: "waits for a migration from elsewhere to arrive",
    cure: MIGRATION_ENDS,
    unplug: "refused",
  },
  "finish-migrate": {
    meaning: "is being migrated, and stands still for the last of it",
    cure: MIGRATION_ENDS,
    unplug: "refused",
  },
  postmigrate: {
    meaning: "has been migrated away: it runs elsewhere, or was saved",
    cure: "Name the host on which it runs, or end this QEMU and run again.",
    unplug: "stays",
  },
  colo: {
    meaning: "stands still for a checkpoint of COLO, and has a second QEMU",
    cure: "End its replication and run again.",
    unplug: "refused",
  },
  "save-vm": {
    meaning: "stands still while its state is saved",
    cure: "Run again when that is done.",
    unplug: "refused",
  },
  "restore-vm": {
    meaning: "stands still while a saved state of it is loaded",
    cure: "Run again when that is done.",
    unplug: "refused",
  },
  // up to 5.2
  preconfig: {
    meaning: "has not been put together yet (-preconfig)",
    cure: "Let QEMU go on (x-exit-preconfig), start the guest and run again.",
    unplug: "refused",
  },
};

/** Whether the guest of a QEMU that answers runs. */
export async function readRunState(monitor: QmpMonitor, signal: AbortSignal): Promise<GuestRunState> {
  const status = await monitor.execute("query-status", undefined, signal);
  if (!isRecord(status) || typeof status["status"] !== "string")
    throw new QmpProtocolError("query-status did not answer with a status");
  return runStateOf(status["status"]);
}

/** What QEMU's name of a state means; one that is not known is refused by its name. */
export function runStateOf(name: string): GuestRunState {
  const known = Object.hasOwn(RUN_STATES, name) ? RUN_STATES[name] : undefined;
  if (typeof known === "string") return known;
  const halt = known ?? {
    meaning: "is in a state that this release does not know",
    cure: "Have it run, and run again; or update this package.",
    unplug: "refused",
  };
  return { by: "QEMU", state: name.slice(0, 40), ...halt };
}
