import { providerError } from "../../errors";
import { turnedRound } from "../../host/facts";
import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * With a virtual IOMMU, QEMU gives each function of the guest an address space of its own, and VFIO gives a
 * group of the host one alone. On a conventional bus of the guest the functions share one.
 */
export function checkVirtualIommu(context: ChosenSlot): Refusal[] {
  const { observation, map, slotChoice, isPlugged } = context;
  const { name: guest, virtualIommu } = observation.guest;
  if (virtualIommu === undefined || isPlugged || slotChoice.slot?.kind === "pci-acpi") return [];
  const byGroup = turnedRound(map, ({ hostAddress }) => {
    const group = observation.functions.get(hostAddress)?.iommuGroup;
    return group === undefined ? [] : [group];
  });
  return [...byGroup].flatMap(([iommuGroup, members]) => {
    const functions = members.map((one) => one.hostAddress);
    return functions.length < 2
      ? []
      : [providerError("VIRTUAL_IOMMU_SPLITS_GROUP", { guest, virtualIommu, iommuGroup, functions })];
  });
}
