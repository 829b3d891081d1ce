import { providerError } from "../../errors";
import { isAnyBridge } from "../../host/facts";
import type { TouchedGroups } from "../chosen-slot";
import { isObstacle } from "../iommu-groups";
import type { Refusal } from "./refusal";

/**
 * A bridge is not held. One whose driver keeps the group from guests has to lose it by the
 * administrator's hand.
 */
export function checkGroupBridges({ observation, members }: TouchedGroups): Refusal[] {
  const inTheWay = [...members.values()].filter(
    (one) => isAnyBridge(one) && isObstacle(observation, one, one.driver),
  );
  if (inTheWay.length === 0) return [];
  return [
    providerError("GROUP_BRIDGE_IN_USE", {
      bridges: inTheWay.map((one) => `${one.hostAddress} (${one.driver})`),
      unbinds: inTheWay.map((one) => `echo ${one.hostAddress} > /sys/bus/pci/drivers/${one.driver}/unbind`),
      kernelRelease: observation.kernelRelease ?? "",
    }),
  ];
}
