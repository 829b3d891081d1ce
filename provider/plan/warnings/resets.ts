import { isVfioDriver, type FunctionFact, type FunctionFacts } from "../../host/facts";
import { slotOf, type PciAddress } from "../../pci";
import type { AttachContext } from "../attach-context";
import type { ResetWarning, Warning } from "../warning";
import { findKnownReset } from "./known-resets";

/** Methods that reset whatever else is on the bus as well, or nothing. */
const BY_BUS = ["bus", "cxl_bus"];
/** The method that switches the power state, and leaves to the device what it forgets. */
const BY_POWER_STATE = "pm";

/**
 * What the next guest may find as the last one left it. The kernel names the methods of each function as they
 * were when it was found: of the bus's only function at that time it names `bus`, whatever came later. So a
 * reset of the bus is believed in only if all on the bus will be on VFIO, which is what VFIO itself asks for.
 */
export function findResetWarnings(context: AttachContext): Warning[] {
  const { observation, map, toTake } = context;
  const { functionFacts } = observation;
  const taken = new Set(toTake);
  const shown = map.map((one) => one.hostAddress).filter((hostAddress) => taken.has(hostAddress));
  return [
    ...(functionFacts === undefined ? [] : weakResets(context, functionFacts, shown)),
    ...shown.flatMap((hostAddress): Warning[] => {
      const one = observation.functions.get(hostAddress);
      const methods = functionFacts?.functions.get(hostAddress)?.resetMethods;
      const known = one && findKnownReset(one, methods);
      return known ? [{ kind: "known-reset", hostAddress, known }] : [];
    }),
  ];
}

/** Functions that differ in nothing are told of together. */
function weakResets(
  { needed, desired }: AttachContext,
  facts: FunctionFacts,
  shown: readonly PciAddress[],
): Warning[] {
  const found = new Map<string, ResetWarning>();
  for (const hostAddress of shown) {
    const fact = facts.functions.get(hostAddress);
    const by = fact && resetOf(fact);
    if (fact === undefined || by === undefined) continue;
    const staying = stayingOnBus(fact, facts, needed);
    const isOnRoot = fact.bus === "root";
    if (!isOnRoot && staying.length === 0) continue;
    const canHold = desired.leftovers !== "hold" && staying.every((one) => isOfSameGroup(one, fact, facts));
    const key = JSON.stringify([by, isOnRoot, isOnRoot ? [] : staying]);
    const known = found.get(key);
    found.set(key, {
      kind: "weak-reset",
      by,
      hostAddresses: [...(known?.hostAddresses ?? []), hostAddress],
      staying: isOnRoot ? [] : staying,
      canHold: (known?.canHold ?? true) && canHold && !isOnRoot,
    });
  }
  return [...found.values()];
}

/** How it is reset at best by itself; undefined if that is as it should be, or not known. */
function resetOf({ resetMethods, canReset }: FunctionFact): ResetWarning["by"] | undefined {
  // before Linux 5.15 the kernel tells whether, and not how
  if (resetMethods === undefined) return canReset ? undefined : "nothing";
  const own = resetMethods.filter((one) => !BY_BUS.includes(one));
  if (own.some((one) => one !== BY_POWER_STATE)) return undefined;
  return own.length > 0 ? "power-state" : "nothing";
}

/** Others on the bus that will not be on VFIO: then VFIO does not reset the bus. */
function stayingOnBus(
  { hostAddress }: FunctionFact,
  { functions }: FunctionFacts,
  needed: readonly PciAddress[],
): PciAddress[] {
  const busOf = (one: PciAddress): string => slotOf(one).slice(0, -3);
  return [...functions.values()]
    .filter(
      (one) =>
        busOf(one.hostAddress) === busOf(hostAddress) &&
        !needed.includes(one.hostAddress) &&
        !isVfioDriver(one.driver),
    )
    .map((one) => one.hostAddress);
}

function isOfSameGroup(other: PciAddress, { iommuGroup }: FunctionFact, facts: FunctionFacts): boolean {
  return iommuGroup !== undefined && facts.functions.get(other)?.iommuGroup === iommuGroup;
}
