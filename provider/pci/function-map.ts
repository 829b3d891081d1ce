import { compareAddresses, functionNumberOf, type PciAddress } from "./address";
import { isSameRom, type RomOptions } from "./rom-options";

/** Which host function the guest sees under which function number, and with which ROM. */
export interface FunctionMapping extends RomOptions {
  readonly hostAddress: PciAddress;
  /** 0 to 7; 0 is always present, because a guest looks at function 0 first and, without it, at no other. */
  readonly guestFunction: number;
}

/**
 * Guest function numbers where the user gave none: the host's own if host function 0 is among them,
 * else counted up from 0 in host order.
 */
export function defaultFunctionMap(addresses: readonly PciAddress[]): FunctionMapping[] {
  const ordered = [...addresses].sort(compareAddresses);
  const keepsNumbers = ordered.some((hostAddress) => functionNumberOf(hostAddress) === 0);
  return ordered.map((hostAddress, index) => ({
    hostAddress,
    guestFunction: keepsNumbers ? functionNumberOf(hostAddress) : index,
  }));
}

/**
 * Whether two maps show the same functions under the same numbers with the same ROMs, in whatever order they
 * are written.
 */
export function isSameFunctionMap(a: readonly FunctionMapping[], b: readonly FunctionMapping[]): boolean {
  const isIn = (map: readonly FunctionMapping[], one: FunctionMapping): boolean =>
    map.some(
      (other) =>
        other.guestFunction === one.guestFunction &&
        other.hostAddress === one.hostAddress &&
        isSameRom(other, one),
    );
  return a.length === b.length && b.every((one) => isIn(a, one));
}
