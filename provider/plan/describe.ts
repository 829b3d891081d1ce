import type { GuestSlot, PciAddress, RomOptions } from "../pci";
import { turnedRound } from "../host/facts";
import { describeLost } from "./describe-beneath";
import { listUses } from "./describe-host-use";
import { describeWarnings } from "./describe-warning";
import type { LedgerLocation } from "./ledger-entry";
import { listFunctions } from "./list-functions";
import type { ConfiguredFunction, UnreadGuest } from "./observation";
import type { NextStart, Plan, Step, TakenFunction } from "./step";

/** What a guest goes through while a plan is carried out. */
export type Interruption = "none" | "device-appears" | "device-goes" | "device-goes-and-comes-back";

/** One line a step, in words for people; the same words in the preview, in progress and in errors. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "record":
      return `write the ledger in ${describeLocations(step.locations, "in")} for ${step.entry.owner}`;
    case "hold": {
      const why = step.purpose === "leftover" ? "; held, shown to nobody" : "";
      return `hold ${step.hostAddress} (${describeFrom(step)}${why}${describeOverridden(step)})`;
    }
    case "attach-single": {
      const { target, slot } = step;
      const as = `as function ${target.guestFunction} of ${describeSlot(slot)}${describeRom(target)}`;
      const from = `${describeFrom(step)}${describeOverridden(step)}`;
      return `have libvirt attach ${step.hostAddress} ${as}: the guest sees the device (${from}${describePins(step)})`;
    }
    case "unplug": {
      const what = `${listFunctions(step.functions.map((one) => one.hostAddress))} from ${describeSlot(step.slot)}`;
      const when = step.awaitsResume ? "; it is paused, and lets go only when it is resumed" : "";
      return step.seenByGuest
        ? `unplug ${what}: the guest loses the device${when}`
        : `take back ${what}, which the guest has not seen yet${when}`;
    }
    case "plug": {
      const { hostAddress, guestFunction } = step.target;
      const effect = guestFunction === 0 ? ": the guest sees all of it" : " (queued)";
      const rom = describeRom(step.target);
      return `plug ${hostAddress} as function ${guestFunction} of ${describeSlot(step.slot)}${rom}${effect}${describePins(step)}`;
    }
    case "plug-stepping-stone":
      return `have libvirt attach ${step.target.hostAddress} alone to ${describeSlot(step.slot)}, for some seconds${describePins(step)}`;
    case "unplug-stepping-stone":
      return `unplug ${step.target.hostAddress} from ${describeSlot(step.slot)} again; QEMU keeps its group open`;
    case "confirm":
      return `confirm that QEMU has ${countFunctions(step.functions.length)} in ${describeSlot(step.slot)}`;
    case "release":
      return `release ${step.hostAddress} to the host${step.hostDriver === undefined ? "" : ` (driver ${step.hostDriver})`}`;
    case "await-reattach":
      return `wait until libvirt has handed ${listFunctions(step.functions.map((one) => one.hostAddress))} back by itself`;
    case "configure":
      return `add ${describeConfigured(step.functions)} to the guest's configuration`;
    case "unconfigure":
      return `take ${describeConfigured(step.functions)} out of the guest's configuration`;
    case "restore":
      return `see the host drivers back: ${describeDrivers(step.drivers)}`;
    case "erase":
      return `erase the ledger entry from ${describeLocations(step.locations, "from")}`;
  }
}

function countFunctions(count: number): string {
  return `${count} function${count === 1 ? "" : "s"}`;
}

/** `0000:01:00.0-3 on e1000e, 0000:02:00.0 on tg3` */
function describeDrivers(drivers: Extract<Step, { kind: "restore" }>["drivers"]): string {
  const byDriver = new Map<string, PciAddress[]>();
  for (const { hostAddress, hostDriver } of drivers)
    byDriver.set(hostDriver, [...(byDriver.get(hostDriver) ?? []), hostAddress]);
  return [...byDriver].map(([driver, addresses]) => `${listFunctions(addresses)} on ${driver}`).join(", ");
}

function describePins({ pinsBytes }: { readonly pinsBytes?: number }): string {
  return pinsBytes === undefined ? "" : `; pins ${describeGiB(pinsBytes)} GiB of memory`;
}

function describeOverridden({ overriddenUses }: TakenFunction): string {
  return overriddenUses ? `; allowed although it ${listUses(overriddenUses)}` : "";
}

function describeFrom({ hostDriver, vfioDriver, hostDevices, beneath }: TakenFunction): string {
  if (vfioDriver !== undefined) return `it is on ${vfioDriver} already, and stays there`;
  if (hostDriver === undefined) return "it has no host driver";
  const lost = describeLost({ ...hostDevices, beneath });
  return `host driver ${hostDriver} loses it${lost === "" ? "" : `, with ${lost}`}`;
}

function describeRom({ romFile, romBar }: RomOptions): string {
  if (romFile !== undefined) return ` with the ROM of ${romFile}`;
  return romBar === undefined ? "" : romBar ? " with a ROM BAR" : " without a ROM BAR";
}

function describeLocations(locations: readonly LedgerLocation[], preposition: string): string {
  const words = {
    live: "the guest's metadata",
    configuration: "its configuration",
    domain: "the guest's metadata and its configuration's",
    host: "a file on the host",
  } as const;
  if (locations.length === 1 && locations[0] === "configuration")
    return "the metadata of the guest's configuration";
  return locations.map((location) => words[location]).join(` and ${preposition} `);
}

/** `512`, `1.5`, `0.25`: two digits after the point at the most. */
function describeGiB(bytes: number): string {
  return String(Math.round((bytes / 2 ** 30) * 100) / 100);
}

/** `0000:01:00.0,2 at pci.8 and 0000:01:00.1,3, shown to nobody,` */
function describeConfigured(functions: readonly ConfiguredFunction[]): string {
  const byLocation = new Map<string, PciAddress[]>();
  for (const { hostAddress, guestAddress } of functions) {
    const where =
      guestAddress === undefined ? "shown to nobody" : `at ${guestAddress.bus} slot ${guestAddress.slot}`;
    byLocation.set(where, [...(byLocation.get(where) ?? []), hostAddress]);
  }
  return [...byLocation].map(([where, addresses]) => `${listFunctions(addresses)} (${where})`).join(" and ");
}

/** `pci.5` behind a port, which has slot 0 alone; on a bus with several slots `pci.0 slot 12`. */
export function describeSlot({ bus, slot }: Pick<GuestSlot, "bus" | "slot">): string {
  return slot === 0 ? bus : `${bus} slot ${slot}`;
}

/** What the guest goes through. */
export function interruptionOf(plan: Plan): Interruption {
  const goes = plan.steps.some((step) => step.kind === "unplug" && step.seenByGuest);
  const comes = plan.steps.some((step) => step.kind === "plug" || step.kind === "attach-single");
  if (goes) return comes ? "device-goes-and-comes-back" : "device-goes";
  return comes ? "device-appears" : "none";
}

/** The plan in words, a line each: the steps, what the guest goes through, and what may be regretted. */
export function describePlan(plan: Plan): string[] {
  if (plan.steps.length === 0) return ["nothing on the host or in the guest changes"];
  return [
    ...describeTakeover(plan),
    ...plan.steps.map((step, index) => `${index + 1}. ${describeStep(step)}`),
    ...(plan.forNextStart ? describeNextStart(plan.forNextStart) : describeInterruption(plan)),
    ...describeSteppingStone(plan),
    ...describeWarnings(plan),
  ];
}

/**
 * What a create says of an attachment that stands under its own token: a crash may have left it, or another
 * stack have it.
 */
export function describeTakeover({ takesOver }: Plan): string[] {
  if (takesOver === undefined) return [];
  const { since } = takesOver;
  return [
    `It stands${since === undefined ? "" : ` since ${since}`}; this resource takes it over.`,
    "If another stack made it, that stack loses it: give this resource another name.",
  ];
}

/** What a plan for a guest that is shut off comes to; the same words before and after. */
export function describeNextStart({ guest, hasSavedState, overriddenUses }: NextStart): string[] {
  const saved = `${guest} is shut off with its state saved: its next start goes on from there, with the devices of that time.`;
  const lines = hasSavedState
    ? [
        saved,
        "Written to its configuration; it has the functions from the start after that on (virsh managedsave-remove).",
      ]
    : [`${guest} is shut off: written to its configuration; it has the functions from its next start on.`];
  const usesOf = turnedRound(overriddenUses, (one) => [one.hostAddress]);
  const lost = [...usesOf].map(
    ([hostAddress, uses]) =>
      `The host loses ${hostAddress} then, which is allowed although it ${listUses(uses)}.`,
  );
  return [...lines, ...lost];
}

/** What a detach says of a guest that keeps its functions for now. */
export function describeKept(guest: string, functions: readonly PciAddress[]): string {
  return `${guest} keeps ${listFunctions(functions)} until it is shut off: this host's libvirt is older than 8.3.`;
}

function describeSteppingStone({ steps }: Plan): string[] {
  const shown = steps.flatMap((step) =>
    step.kind === "plug-stepping-stone" ? [step.target.hostAddress] : [],
  );
  if (shown.length === 0) return [];
  return [
    `Before that it sees ${listFunctions(shown)} alone for some seconds, and has to let go`,
    "of it: this host's libvirt is older than 8.3.",
  ];
}

function describeInterruption(plan: Plan): string[] {
  const pinned = longPins(plan);
  switch (interruptionOf(plan)) {
    case "none":
      return ["The guest is not interrupted."];
    case "device-appears":
      return pinned === undefined
        ? ["The guest sees all functions together; nothing it has is interrupted."]
        : ["The guest sees all functions together.", ...describeLongPin(pinned)];
    case "device-goes":
      return ["The guest loses the device; it is asked to let go of it first."];
    case "device-goes-and-comes-back":
      return [
        "The guest is without the device from its unplug until the last plug:",
        "some 2 to 10 s, longer where its driver is slow to let go.",
        ...(pinned === undefined ? [] : describeLongPin(pinned)),
      ];
  }
}

/** QEMU holds its lock while it pins: from some seconds on a guest notices. */
const LONG_PIN_BYTES = 64 * 2 ** 30;

/** Memory that a plan pins in one call, if that takes long. */
function longPins({ steps }: Plan): number | undefined {
  const pinned = steps.flatMap((step) => ("pinsBytes" in step ? (step.pinsBytes ?? []) : []));
  return pinned.find((bytes) => bytes >= LONG_PIN_BYTES);
}

function describeLongPin(bytes: number): string[] {
  return [
    `QEMU answers nobody while it pins the guest's ${describeGiB(bytes)} GiB, seconds to minutes:`,
    "what the guest asks of its other devices waits for that.",
  ];
}

/** What is not known of another guest, and why that does no harm. */
export function describeUnreadGuest({ guest, reason }: UnreadGuest): string {
  const name = guest.name === "" ? guest.uuid : guest.name;
  return `guest ${name} cannot be read, so not all that it has is known; libvirt itself refuses what a guest has: ${reason}`;
}
