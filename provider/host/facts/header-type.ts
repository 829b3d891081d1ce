import { isBridgeClass, isMachineBridgeClass, isPciBridgeClass } from "../../pci/class-code";
import type { HostFunction } from "./host-function";

/**
 * What the host tells of a function's header type (byte 0x0e of its configuration space, without the bit for
 * several functions): `0` an endpoint, `1` a PCI bridge, `2` a CardBus bridge, `bridge` one of the two; `-`
 * where it cannot tell.
 */
type HeaderType = "0" | "1" | "2" | "bridge" | "-";

/**
 * Whether a function has a bus behind it, by its header type; where the host cannot tell that, by its class.
 *
 * @param headerType a {@link HeaderType}; undefined of a program that does not tell any, for which whatever
 *   calls itself a bridge of some sort is one
 */
export function isBridgeFunction(
  classCode: string,
  headerType: HeaderType | (string & {}) | undefined,
): boolean {
  if (headerType === "0") return false;
  if (headerType === undefined) return isBridgeClass(classCode);
  return ["1", "2", "bridge"].includes(headerType) || isPciBridgeClass(classCode);
}

/** What the planner is told of a function that is a bridge or not, and of which class. */
export function bridgeFacts(
  isBridge: boolean,
  classCode: string,
): Pick<HostFunction, "isBridge" | "isMachineBridge"> {
  return { isBridge, ...(!isBridge && isMachineBridgeClass(classCode) && { isMachineBridge: true }) };
}
