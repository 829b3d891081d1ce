import { compareAddresses, functionNumberOf, type PciAddress } from "./address";

/** Which host function the guest sees under which function number. */
export interface FunctionMapping {
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
  const keepsNumbers = ordered.some((address) => functionNumberOf(address) === 0);
  return ordered.map((hostAddress, index) => ({
    hostAddress,
    guestFunction: keepsNumbers ? functionNumberOf(hostAddress) : index,
  }));
}

/** Whether two maps show the same functions under the same numbers, in whatever order they are written. */
export function isSameFunctionMap(a: readonly FunctionMapping[], b: readonly FunctionMapping[]): boolean {
  const key = (m: FunctionMapping): string => `${m.guestFunction}=${m.hostAddress}`;
  const keys = new Set(a.map(key));
  return a.length === b.length && b.every((m) => keys.has(key(m)));
}
