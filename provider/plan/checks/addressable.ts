import { providerError } from "../../errors";
import { isAddressable } from "../../pci";
import type { SelectedFunctions } from "../chosen-slot";
import type { Refusal } from "./refusal";

/** QEMU takes no function of a PCI domain with five digits, which a device behind Intel VMD is in. */
export function checkAddressable({ map, observation }: SelectedFunctions): Refusal[] {
  const beyond = map
    .map((one) => one.hostAddress)
    .filter((one) => !isAddressable(one) && observation.functions.has(one));
  return beyond.length === 0 ? [] : [providerError("DOMAIN_NOT_ADDRESSABLE", { functions: beyond })];
}
