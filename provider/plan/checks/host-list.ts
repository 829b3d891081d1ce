import { hostListLines, providerError } from "../../errors";
import { slotOf, type PciAddress } from "../../pci";
import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/**
 * Refuses, before anything is held, functions that the host's list does not let this account take: the host
 * program would refuse each of them in the middle.
 */
export function checkHostList(context: ChosenSlot): Refusal[] {
  const { observation, desired, map, toHold, isToBePlugged } = context;
  const { hostList } = observation;
  if (hostList === undefined) return [];
  const plugged = isToBePlugged ? map.map((one) => one.hostAddress) : [];
  const taken = [...new Set<PciAddress>([...toHold, ...plugged])];
  const absent = taken.filter((hostAddress) => hostList.unlisted.has(hostAddress));
  if (absent.length === 0) return [];
  const { selection } = desired;
  const slot = selection.by === "device" ? selection.device : undefined;
  const devices = [...new Set(absent.map((one) => (slotOf(one) === slot ? slot : one)))];
  const { target, socket, account } = hostList;
  return [
    providerError("HOST_RULES_MISSING", {
      target,
      reason: `its list has no line for ${absent.join(", ")}`,
      lines: hostListLines({ socket, devices, account }),
    }),
  ];
}
