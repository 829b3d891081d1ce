import { isAcpiSlot, romOptionsOf, type SlotKind } from "../pci";
import { isHalted } from "./guest-run-state";
import type { Observation, PluggedFunction } from "./observation";
import type { Step } from "./step";

/** One unplug for each guest slot in which functions of the owner stand (one, unless someone moved them). */
export function planUnplug(observation: Observation, plugged: readonly PluggedFunction[]): Step[] {
  return functionsBySlot(plugged).map((functions) => unplugStep(observation, functions));
}

/** The functions of each guest slot together. */
export function functionsBySlot(plugged: readonly PluggedFunction[]): PluggedFunction[][] {
  const bySlot = new Map<string, PluggedFunction[]>();
  for (const one of plugged) {
    const key = `${one.bus}/${one.slot}`;
    bySlot.set(key, [...(bySlot.get(key) ?? []), one]);
  }
  return [...bySlot.values()];
}

/**
 * Function 0 present: exactly one device_del, because it removes all and a second one may cancel it (qemu.md
 * 1.3). Absent: the guest never saw the others; QEMU removes each at once, but an ACPI slot is emptied
 * through the guest by one request for all. pseries before QEMU 4.2 refuses function 0
 * until each other function has been asked for (spapr_pci_unplug_request in hw/ppc/spapr_pci.c).
 */
function unplugStep(observation: Observation, functions: readonly PluggedFunction[]): Step {
  const [first] = functions;
  if (first === undefined) throw new RangeError("an unplug needs a function");
  const kind = kindOf(observation, first);
  const seenByGuest = first.guestFunction === 0;
  const ids = functions.map((one) => one.qemuId);
  const goesThroughGuest = seenByGuest || isAcpiSlot(kind);
  const isEach = !goesThroughGuest || (kind === "pseries" && isBefore(observation.guest.qemuVersion, 4, 2));
  return {
    kind: "unplug",
    slot: { bus: first.bus, slot: first.slot, kind },
    functions: functions.map((one) => ({
      qemuId: one.qemuId,
      hostAddress: one.hostAddress,
      guestFunction: one.guestFunction,
      ...romOptionsOf(one),
    })),
    requests: isEach ? ids.reverse() : ids.slice(0, 1),
    seenByGuest,
    ...(goesThroughGuest && standsStill(observation) && { awaitsResume: true }),
  };
}

/** Whether the guest follows a request when somebody has it run again. */
function standsStill({ guest: { runState } }: Observation): boolean {
  return runState === "paused" || (isHalted(runState) && runState.unplug === "waits");
}

/** checks/unplug.ts has refused a bus that takes no hotplug. */
function kindOf(observation: Observation, one: PluggedFunction): SlotKind {
  const bus = observation.buses.find((candidate) => candidate.bus === one.bus);
  if (bus?.hotplug.possible) return bus.hotplug.kind;
  throw new RangeError(`nothing can be unplugged from ${one.bus}`);
}

/** Whether a version of QEMU is older than this one; one that does not tell is not. */
function isBefore(qemuVersion: string, major: number, minor: number): boolean {
  const [ownMajor = NaN, ownMinor = NaN] = qemuVersion.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
