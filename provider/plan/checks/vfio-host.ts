import { providerError } from "../../errors";
import { isKernelFrom, type FunctionFact, type FunctionFacts } from "../../host/facts";
import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/** What VFIO would refuse in the middle, and the host tells beforehand. */
export function checkVfioOfHost(context: ChosenSlot): Refusal[] {
  const { functionFacts: facts } = context.observation;
  const taken = context.toTake.flatMap((one) => facts?.functions.get(one) ?? []);
  if (facts === undefined || taken.length === 0) return [];
  return [
    ...silentFunctions(taken),
    ...reservedRegions(context, facts, taken),
    ...unmappedInterrupts(context, facts, taken),
  ];
}

/** A card that is off the bus reads as all ones, and takes nothing. */
function silentFunctions(taken: readonly FunctionFact[]): Refusal[] {
  return taken
    .filter((one) => one.answers === false)
    .map(({ hostAddress, powerState }) =>
      providerError("FUNCTION_NOT_ANSWERING", {
        hostAddress,
        ...(powerState !== undefined && { powerState }),
      }),
    );
}

/**
 * Memory that the firmware goes on to use through a device (RMRR): the kernel gives such a device to nobody.
 * Those of USB and graphics are of another kind, which the kernel tells since 5.3. AMD's are refused since
 * 6.6 alone (drivers/iommu/iommu.c, require_direct).
 */
function reservedRegions(
  { observation: { kernelRelease } }: ChosenSlot,
  { directRegions }: FunctionFacts,
  taken: readonly FunctionFact[],
): Refusal[] {
  const groups = new Map(taken.map((one) => [one.iommuGroup ?? -1, one]));
  return [...groups].flatMap(([iommuGroup, { hostAddress, iommu = "" }]) => {
    const regions = directRegions.get(iommuGroup) ?? [];
    const isIntel = iommu.startsWith("dmar");
    const isRefused = isKernelFrom(kernelRelease, isIntel ? [5, 3] : [6, 6]);
    return regions.length === 0 || !isRefused
      ? []
      : [providerError("GROUP_RESERVED_BY_FIRMWARE", { hostAddress, iommuGroup, regions })];
  });
}

/** Without remapping, a guest could raise any interrupt of the host: VFIO asks whether that is wanted. */
function unmappedInterrupts(
  { observation: { architecture = "" } }: ChosenSlot,
  { interrupts, allowsUnsafeInterrupts }: FunctionFacts,
  [first]: readonly FunctionFact[],
): Refusal[] {
  const isX86 = /^(?:x86_64|i[3-6]86)$/.test(architecture);
  if (first === undefined || !isX86 || interrupts !== "plain" || allowsUnsafeInterrupts !== false) return [];
  return [providerError("INTERRUPTS_NOT_REMAPPED", { hostAddress: first.hostAddress })];
}
