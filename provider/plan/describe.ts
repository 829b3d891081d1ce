import { functionNumberOf, slotOf, type GuestSlot, type PciAddress } from "../pci";
import type { ConfiguredFunction, LedgerPlace } from "./observation";
import type { Plan, Step } from "./step";

/** What a guest goes through while a plan is carried out. */
export type Interruption = "none" | "device-appears" | "device-goes" | "device-goes-and-comes-back";

/** One line a step, in words for people; the same words in the preview, in progress and in errors. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "record":
      return `write the ledger in ${describePlaces(step.places, "in")}: ${step.entry.functions.length} function(s) for ${step.entry.owner}`;
    case "hold": {
      const from =
        step.hostDriver === undefined ? "it has no host driver" : `host driver ${step.hostDriver} loses it`;
      const why = step.purpose === "leftover" ? "; held, shown to nobody" : "";
      const uses = step.overriddenUses ? `; allowed although it ${listUses(step.overriddenUses)}` : "";
      return `hold ${step.address} for the guest (${from}${why}${uses})`;
    }
    case "unplug": {
      const what = `${listFunctions(step.functions.map((one) => one.hostAddress))} from guest slot ${describeSlot(step.slot)}`;
      const when = step.awaitsResume ? "; it is paused, and lets go only when it is resumed" : "";
      return step.seenByGuest
        ? `unplug ${what}: the guest loses the device${when}`
        : `take back ${what}, which the guest has not seen yet${when}`;
    }
    case "plug": {
      const { hostAddress, guestFunction } = step.target;
      const effect = guestFunction === 0 ? ": the guest sees the whole device" : " (queued)";
      const pins =
        step.pinsBytes === undefined ? "" : `; pins the guest's memory, ${describeGiB(step.pinsBytes)} GiB`;
      return `plug ${hostAddress} as function ${guestFunction} of guest slot ${describeSlot(step.slot)}${effect}${pins}`;
    }
    case "confirm":
      return `confirm that QEMU has ${step.functions.length} function(s) in guest slot ${describeSlot(step.slot)}`;
    case "release":
      return `release ${step.address} to the host${step.hostDriver === undefined ? "" : ` (driver ${step.hostDriver})`}`;
    case "handback":
      return `wait until libvirt has handed ${listFunctions(step.functions.map((one) => one.address))} back to the host, as it does by itself with what it plugged at the guest's start`;
    case "configure":
      return `add ${describeConfigured(step.functions)} to the guest's configuration`;
    case "unconfigure":
      return `take ${describeConfigured(step.functions)} out of the guest's configuration`;
    case "restore":
      return `see the host drivers back: ${step.drivers.map((one) => `${one.address} on ${one.hostDriver}`).join(", ")}`;
    case "erase":
      return `erase the ledger entry from ${describePlaces(step.places, "from")}`;
  }
}

function describePlaces(places: readonly LedgerPlace[], preposition: string): string {
  const words = {
    live: "the guest's metadata",
    configuration: "its configuration",
    host: "a file on the host",
  } as const;
  if (places.length === 1 && places[0] === "configuration")
    return "the metadata of the guest's configuration";
  return places.map((place) => words[place]).join(` and ${preposition} `);
}

/** `512`, `1.5`, `0.25`: two digits after the point at the most. */
function describeGiB(bytes: number): string {
  return String(Math.round((bytes / 2 ** 30) * 100) / 100);
}

/** `0000:01:00.0,2 at pci.8 and 0000:01:00.1,3, shown to nobody,` */
function describeConfigured(functions: readonly ConfiguredFunction[]): string {
  const byPlace = new Map<string, PciAddress[]>();
  for (const { address, place } of functions) {
    const where = place === undefined ? "shown to nobody" : `at ${place.bus} slot ${place.slot}`;
    byPlace.set(where, [...(byPlace.get(where) ?? []), address]);
  }
  return [...byPlace].map(([where, addresses]) => `${listFunctions(addresses)} (${where})`).join(" and ");
}

/** `pci.5` or, on a bus with several slots, `pci.0 slot 12`. */
export function describeSlot(slot: GuestSlot): string {
  return slot.kind.startsWith("pcie") ? slot.bus : `${slot.bus} slot ${slot.slot}`;
}

/** `0000:01:00.0-3`, `0000:01:00.0,2` or, over several slots, each address. */
export function listFunctions(addresses: readonly PciAddress[]): string {
  const [first] = addresses;
  if (first === undefined) return "nothing";
  if (addresses.some((one) => slotOf(one) !== slotOf(first))) return addresses.join(", ");
  const numbers = addresses.map(functionNumberOf).sort((a, b) => a - b);
  const isRun = numbers.length > 2 && numbers.every((n, i) => i === 0 || n === (numbers[i - 1] ?? 0) + 1);
  return `${slotOf(first)}.${isRun ? `${numbers[0]}-${numbers.at(-1)}` : numbers.join(",")}`;
}

/** What the host uses a function for, in words that follow "it". */
export function listUses(uses: readonly string[]): string {
  return uses.join(", and ");
}

/** What the guest goes through. */
export function interruptionOf(plan: Plan): Interruption {
  const goes = plan.steps.some((step) => step.kind === "unplug" && step.seenByGuest);
  const comes = plan.steps.some((step) => step.kind === "plug");
  if (goes) return comes ? "device-goes-and-comes-back" : "device-goes";
  return comes ? "device-appears" : "none";
}

/** The plan in words, a line each: the steps, then what the guest goes through. */
export function describePlan(plan: Plan): string[] {
  if (plan.steps.length === 0) return ["nothing on the host or in the guest changes"];
  return [
    ...plan.steps.map((step, index) => `${index + 1}. ${describeStep(step)}`),
    describeInterruption(plan),
  ];
}

function describeInterruption(plan: Plan): string {
  switch (interruptionOf(plan)) {
    case "none":
      return "The guest is not interrupted.";
    case "device-appears":
      return "The guest sees the functions appear together; nothing it has now is interrupted.";
    case "device-goes":
      return "The guest loses the device; it is asked to let go of it first.";
    case "device-goes-and-comes-back":
      return "The guest is without the device from its unplug until the last plug: some 2 to 10 seconds, longer where its driver is slow to let go.";
  }
}
