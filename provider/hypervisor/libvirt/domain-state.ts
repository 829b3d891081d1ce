import type { DomainStateInfo } from "../../libvirt-rpc";
import type { GuestRunState, HaltedState } from "../../plan";

type Halt = Omit<HaltedState, "by" | "state">;
/** `qemu`: what QEMU says of the guest is all there is to say. */
type Meaning = "qemu" | Halt;

const PASSES = "Run again when that is done.";
const passing = (meaning: string, cure = PASSES): Halt => ({ meaning, cure, unplug: "refused" });

const POSTCOPY_FAILED: Halt = {
  meaning: "is without a part of its memory since a post-copy migration failed",
  cure: "Recover that migration (virsh migrate --postcopy-resume), or end the guest, and run again.",
  unplug: "refused",
};
const POSTCOPY = passing("is being migrated after the copy", "Run again when the migration has ended.");
const CRASHED: Halt = {
  meaning: "has crashed, and was kept as it is (on_crash)",
  cure: "Reset it, or end it (virsh destroy), and run again.",
  unplug: "stays",
};
const SHUTTING_DOWN: Halt = {
  meaning: "has been switched off, and its QEMU is about to end",
  cure: "Start it when it is shut off (virsh destroy ends a QEMU that stays), and run again.",
  unplug: "stays",
};

/**
 * Every state and reason of libvirt up to 12 in words, in the order of its numbers
 * (include/libvirt/libvirt-domain.h, virDomainState and virDomain*Reason), and what an operation may do in
 * it. Of the paused ones, some have QEMU say no more than `paused`.
 */
const REASONS: Readonly<Record<string, readonly (readonly [name: string, Meaning])[]>> = {
  running: [
    ["unknown", "qemu"],
    ["booted", "qemu"],
    ["migrated", "qemu"],
    ["restored", "qemu"],
    ["from snapshot", "qemu"],
    ["unpaused", "qemu"],
    ["migration canceled", "qemu"],
    ["save canceled", "qemu"],
    ["event wakeup", "qemu"],
    ["crashed", "qemu"],
    ["post-copy", POSTCOPY],
    ["post-copy failed", POSTCOPY_FAILED],
  ],
  // of other hypervisors: a virtual CPU that has nothing to do
  blocked: [["unknown", "qemu"]],
  paused: [
    ["unknown", "qemu"],
    ["user", "qemu"],
    ["migrating", passing("is being migrated", "Run again when the migration has ended.")],
    ["saving", passing("is being saved")],
    ["dumping", passing("stands still while its memory is dumped")],
    [
      "I/O error",
      {
        meaning: "stands still since a disk of it failed",
        cure: "Put the disk right, resume the guest and run again.",
        unplug: "waits",
      },
    ],
    [
      "watchdog",
      {
        meaning: "stands still since its watchdog was not served in time: its system hangs",
        cure: "Resume or reset the guest and run again.",
        unplug: "waits",
      },
    ],
    ["from snapshot", "qemu"],
    ["shutting down", SHUTTING_DOWN],
    ["creating snapshot", passing("stands still while a snapshot of it is made")],
    ["crashed", CRASHED],
    ["starting up", passing("is being started", "Run again when it runs.")],
    ["post-copy", POSTCOPY],
    ["post-copy failed", POSTCOPY_FAILED],
    [
      "api error",
      {
        meaning: "was left standing still by an operation of libvirt's that failed",
        cure: "Look into libvirt's log, resume the guest (virsh resume) and run again.",
        unplug: "waits",
      },
    ],
  ],
  shutdown: [
    ["unknown", SHUTTING_DOWN],
    ["user", SHUTTING_DOWN],
  ],
  crashed: [
    ["unknown", CRASHED],
    ["panicked", CRASHED],
  ],
  // wakes by an event, as QEMU's `suspended`
  pmsuspended: [["unknown", "qemu"]],
};

/**
 * What libvirt knows of a guest beside what QEMU says; undefined where that is nothing. A state or a reason
 * that is not known is refused by its name or number.
 */
export function findDomainHalt({ state, reason }: DomainStateInfo): HaltedState | undefined {
  // ended since: what follows finds that by itself
  if (state === "shutoff") return undefined;
  const [name, meaning] = REASONS[state]?.[reason] ?? [`reason ${reason}`, undefined];
  if (meaning === "qemu") return undefined;
  const unknown = passing(
    "is in a state that this release does not know",
    "Have it run, and run again; or update this package.",
  );
  return { by: "libvirt", state: `${state} (${name})`, ...(meaning ?? unknown) };
}

/** The state of a guest by both: what either of them refuses is refused. */
export function runStateBy(libvirt: DomainStateInfo, qemu: GuestRunState): GuestRunState {
  return findDomainHalt(libvirt) ?? qemu;
}
