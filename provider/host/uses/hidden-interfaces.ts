import type { HostFacts } from "../facts";
import type { HostUse } from "./host-use";

/** The functions with an interface that another network namespace has. */
export function hiddenInterfaceUses({ functionsWithHiddenInterface }: HostFacts): HostUse[] {
  return [...new Set(functionsWithHiddenInterface)].map((hostAddress) => ({
    kind: "hidden-interface",
    hostAddress,
    isThisConnection: false,
  }));
}
