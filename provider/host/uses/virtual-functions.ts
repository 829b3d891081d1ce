import type { HostFacts } from "../facts";
import type { HostUse } from "./host-use";
import { uniqueBy } from "./unique-by";

/**
 * The functions whose virtual functions go with them. What carries this connection makes its physical
 * function carry it.
 */
export function virtualFunctionUses(facts: HostFacts, found: readonly HostUse[]): HostUse[] {
  const carriers = new Map(found.filter((use) => use.isThisConnection).map((use) => [use.hostAddress, use]));
  return uniqueBy(facts.physicalFunctions, (one) => one.hostAddress).flatMap(
    ({ hostAddress, virtualFunctions }): HostUse[] => [
      ...[...new Set(virtualFunctions)]
        .flatMap((one) => carriers.get(one) ?? [])
        .map((use): HostUse => ({
          kind: "virtual-function-in-use",
          hostAddress,
          use,
          isThisConnection: true,
        })),
      { kind: "virtual-functions", hostAddress, virtualFunctions, isThisConnection: false },
    ],
  );
}
