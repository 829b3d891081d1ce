import { isVfioDriver, type FunctionFact } from "../host/facts";
import type { Observation } from "./observation";

/** A function on a driver of VFIO's that some process has open. */
export type OpenFunction = FunctionFact & { readonly driver: string };

/** Functions that are open through VFIO, and that no guest is known to have. */
export function findOpenToNobody({ functionFacts, holdings, plugged }: Observation): OpenFunction[] {
  const known = new Set([...holdings, ...plugged].map((one) => one.hostAddress));
  return [...(functionFacts?.functions.values() ?? [])].filter(
    (one): one is OpenFunction =>
      isVfioDriver(one.driver) && one.isEnabled === true && !known.has(one.hostAddress),
  );
}
