import { providerError } from "../../errors";
import { isVfioDriver } from "../../host/facts";
import { givenBackBy, type GiveBackStep } from "../give-back";
import type { Observation } from "../observation";
import type { Refusal } from "./refusal";

/**
 * Of what is to go back to the host, none may be a function that QEMU still has: libvirt would block, or the
 * kernel would wait for QEMU. Where QEMU has one and does not tell which, it may be any of them that it could
 * have opened: none that it has under an id that tells, and none that is on a driver of the host's.
 */
export function checkUnidentified(context: {
  readonly observation: Observation;
  readonly giveBackSteps: readonly GiveBackStep[];
}): Refusal[] {
  const { guest, plugged, functions, unidentified = [] } = context.observation;
  if (unidentified.length === 0) return [];
  const goingBack = givenBackBy(context.giveBackSteps).filter((hostAddress) => {
    const driver = functions.get(hostAddress)?.driver;
    const isHosts = driver !== undefined && !isVfioDriver(driver);
    return !isHosts && !plugged.some((one) => one.hostAddress === hostAddress);
  });
  if (goingBack.length === 0) return [];
  return [
    providerError("FUNCTION_UNIDENTIFIED", {
      functions: [...new Set(goingBack)],
      guest: guest.name,
      ids: unidentified,
    }),
  ];
}
