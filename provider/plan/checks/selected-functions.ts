import { providerError } from "../../errors";
import { isAnyBridge } from "../../host/facts";
import type { SelectedFunctions } from "../chosen-slot";
import { findMissingDevice, presentFunctions } from "../select-functions";
import type { Refusal } from "./refusal";

/**
 * Each function has to be there, to be no bridge, and to be in an IOMMU group. Where the host has its IOMMU
 * off, no function is in a group: the first of them says so for all.
 */
export function checkSelectedFunctions(context: SelectedFunctions): Refusal[] {
  const { observation, map, known } = context;
  const device = findMissingDevice(context, known);
  if (device !== undefined) return [providerError("DEVICE_NOT_FOUND", { device })];
  let isIommuTold = false;
  return map.flatMap(({ hostAddress }) => {
    const one = observation.functions.get(hostAddress);
    if (one === undefined) {
      const present = presentFunctions(observation, hostAddress);
      return [providerError("FUNCTION_NOT_FOUND", { hostAddress, present })];
    }
    if (isAnyBridge(one))
      return [providerError("FUNCTION_IS_BRIDGE", { hostAddress, isOfMachine: !one.isBridge })];
    if (one.iommuGroup !== undefined || isIommuTold) return [];
    isIommuTold = true;
    const { architecture } = observation;
    const details = { hostAddress, ...(architecture !== undefined && { architecture }) };
    return [providerError("FUNCTION_WITHOUT_IOMMU_GROUP", details)];
  });
}
