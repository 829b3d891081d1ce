import {
  compareAddresses,
  defaultFunctionMap,
  functionNumberOf,
  pciAddressOf,
  slotOf,
  type FunctionMapping,
  type PciAddress,
  type PciSlotAddress,
} from "../pci";
import type { FunctionSelection, PriorAttachment } from "./desired";
import type { Observation } from "./observation";
import type { PlanRequest } from "./plan-request";

/** What is known of the functions of an attachment, by the ledger or the state. */
export type KnownFunctions = Pick<PriorAttachment, "functions"> | undefined;

/**
 * The functions that a program names, whoever has them; those of a whole device as the state remembers it.
 */
export function namedAddresses(request: PlanRequest): Set<PciAddress> {
  const { selection } = request.desired;
  if (selection.by === "map") return new Set(selection.map.map((one) => one.hostAddress));
  return new Set(addressesOf(request.observation, selection, request.prior));
}

/**
 * The functions to show, with their guest numbers. Where the user named none, those that the device had
 * when it was attached: a later look at the device does not change the set behind the user's back.
 */
export function selectFunctions(
  { observation, desired: { selection } }: PlanRequest,
  known: KnownFunctions,
): FunctionMapping[] {
  return selection.by === "map"
    ? [...selection.map]
    : defaultFunctionMap(addressesOf(observation, selection, known));
}

/** The device of which all functions are meant, and that the host does not have. */
export function findMissingDevice(
  { observation, desired: { selection } }: PlanRequest,
  known: KnownFunctions,
): PciSlotAddress | undefined {
  if (selection.by !== "device" || selection.functions !== undefined) return undefined;
  return addressesOf(observation, selection, known).length === 0 ? selection.device : undefined;
}

/** The functions that the host has in the slot of this one. */
export function presentFunctions(observation: Observation, hostAddress: PciAddress): PciAddress[] {
  return functionsOf(observation, slotOf(hostAddress)).sort(compareAddresses);
}

function addressesOf(
  observation: Observation,
  { device, functions }: Extract<FunctionSelection, { by: "device" }>,
  known: KnownFunctions,
): PciAddress[] {
  const numbers = functions ?? shownNumbers(device, known);
  if (numbers !== undefined) return numbers.map((n) => pciAddressOf(device, n));
  return functionsOf(observation, device).sort((a, b) => functionNumberOf(a) - functionNumberOf(b));
}

function shownNumbers(device: PciSlotAddress, known: KnownFunctions): number[] | undefined {
  const shown = (known?.functions ?? []).filter(
    (one) => one.guestFunction !== undefined && slotOf(one.hostAddress) === device,
  );
  return shown.length === 0 ? undefined : shown.map((one) => functionNumberOf(one.hostAddress));
}

function functionsOf({ functions }: Observation, device: PciSlotAddress): PciAddress[] {
  return [...functions.keys()].filter((hostAddress) => slotOf(hostAddress) === device);
}
