import { isVfioDriver } from "../host/facts";
import type { PciAddress } from "../pci";
import type { ChosenSlot } from "./chosen-slot";
import type { Outcome } from "./final-entry";
import { aliasOf } from "./identifiers";
import type { Step, TakenFunction } from "./step";

/** What is known of a function that the host loses. */
export function takenFunction(
  { observation, owned }: ChosenSlot,
  { entry }: Outcome,
  hostAddress: PciAddress,
): TakenFunction {
  const hostDriver = entry.functions.find((one) => one.hostAddress === hostAddress)?.hostDriver;
  const overriddenUses = observation.hostUses.filter((one) => one.hostAddress === hostAddress);
  const hostDevices = observation.hostDevices?.get(hostAddress);
  const beneath = observation.beneath?.get(hostAddress);
  return {
    hostAddress,
    alias: aliasOf(owned.tag, hostAddress),
    ...(hostDriver !== undefined && { hostDriver }),
    ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }),
    ...(hostDevices !== undefined && { hostDevices }),
    ...(beneath !== undefined && { beneath }),
    ...(overriddenUses.length > 0 && { overriddenUses }),
  };
}

/** What takes functions from the host, a step each. */
export function planHold(chosen: ChosenSlot, outcome: Outcome, addresses: readonly PciAddress[]): Step[] {
  return addresses.map((hostAddress) => ({
    kind: "hold",
    ...takenFunction(chosen, outcome, hostAddress),
    purpose: chosen.map.some((one) => one.hostAddress === hostAddress) ? "assign" : "leftover",
  }));
}
