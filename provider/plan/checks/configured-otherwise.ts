import { providerError } from "../../errors";
import type { ChosenSlot } from "../chosen-slot";
import { findTagOfAlias } from "../identifiers";
import type { Refusal } from "./refusal";

/**
 * A function that the configuration gives to the guest by another hostdev cannot be configured a second time.
 */
export function checkConfiguredOtherwise(context: ChosenSlot): Refusal[] {
  const { observation, desired, owned, map, heldOnly } = context;
  if (!desired.persistent) return [];
  const toConfigure = [...map.map((one) => one.hostAddress), ...heldOnly];
  const others = (observation.configuration?.functions ?? []).filter(
    (one) => toConfigure.includes(one.hostAddress) && findTagOfAlias(one.alias) !== owned.tag,
  );
  if (others.length === 0) return [];
  return [
    providerError("FUNCTION_CONFIGURED_OTHERWISE", {
      guest: observation.guest.name,
      functions: others.map((one) =>
        one.alias === "" ? one.hostAddress : `${one.hostAddress} (${one.alias})`,
      ),
    }),
  ];
}
