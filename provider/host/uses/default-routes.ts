import type { HostFacts } from "../facts";
import { findCarriers } from "./carriers";
import type { HostUse } from "./host-use";

/** The functions that carry a default route of the host. */
export function defaultRouteUses({ interfaces, defaultRouteInterfaces }: HostFacts): HostUse[] {
  const isSpare = new Set(defaultRouteInterfaces).size > 1;
  return findCarriers(interfaces, defaultRouteInterfaces).map((carrier) => ({
    kind: "default-route",
    ...carrier,
    isThisConnection: false,
    // a part of something else has been put there by somebody
    ...(isSpare && carrier.via === undefined && { comesByItself: "route" }),
  }));
}
