import type { FunctionFact, FunctionFacts, HostFunction } from "../../provider/host/facts";
import type { PciAddress } from "../../provider/pci";

/** A function behind a port, which is reset by itself and of which nothing is open. */
function functionFact(
  { hostAddress, driver, iommuGroup }: Pick<HostFunction, "hostAddress" | "driver" | "iommuGroup">,
  extra: Partial<FunctionFact> = {},
): FunctionFact {
  return {
    hostAddress,
    classCode: "0x020000",
    ...(driver !== undefined && { driver }),
    ...(iommuGroup !== undefined && { iommuGroup }),
    isEnabled: true,
    answers: true,
    bus: "0000:00:1c.0" as PciAddress,
    resetMethods: ["flr", "bus"],
    canReset: true,
    hasNodes: false,
    open: [],
    ...extra,
  };
}

/** What a look tells of functions, where each is as of {@link functionFact} but for what is said of it. */
export function functionFacts(
  functions: Iterable<HostFunction>,
  said: Readonly<Record<string, Partial<FunctionFact>>> = {},
  extra: Partial<FunctionFacts> = {},
): FunctionFacts {
  const facts = [...functions].map((one) => functionFact(one, said[one.hostAddress]));
  return {
    functions: new Map(facts.map((one) => [one.hostAddress, one])),
    directRegions: new Map(),
    interrupts: "remapped",
    seen: "all",
    ...extra,
  };
}
