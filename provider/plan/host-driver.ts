import { isVfioDriver, type HostFunction } from "../host/facts";
import type { PciAddress } from "../pci";
import type { PriorAttachment } from "./desired";
import type { LedgerFunction } from "./ledger-entry";
import type { OwnedResources } from "./observation";

/** The driver a function had before this attachment first held it: by the ledger, else by the state. */
export function findHostDriver(
  owned: OwnedResources,
  hostAddress: PciAddress,
  prior: PriorAttachment | undefined,
): string | undefined {
  const known = [owned.entry, prior].flatMap((one) => one?.functions ?? []);
  return known.find((one) => one.hostAddress === hostAddress)?.hostDriver;
}

/**
 * The driver to give a function back to. A function that is not held and has no driver of its own any
 * more was lost in a cut-off release: the ledger still knows what it had, or the state does.
 */
export function originalDriver(
  owned: OwnedResources,
  one: HostFunction,
  prior: PriorAttachment | undefined,
): string | undefined {
  if (owned.held.includes(one.hostAddress)) return findHostDriver(owned, one.hostAddress, prior);
  const isUnclear = one.driver === undefined || isVfioDriver(one.driver);
  return (isUnclear ? findHostDriver(owned, one.hostAddress, prior) : undefined) ?? one.driver;
}

/**
 * The driver_override to give a function back with, by the rule of {@link originalDriver}. One of VFIO's on a
 * function with its own driver is not an administrator's: a hold was cut off there.
 */
export function originalOverride(owned: OwnedResources, one: HostFunction): string | undefined {
  const recorded = findRecorded(owned, one.hostAddress)?.driverOverride;
  const { driver, driverOverride, hostAddress } = one;
  const isAway = owned.held.includes(hostAddress) || driver === undefined || isVfioDriver(driver);
  return isAway || isVfioDriver(driverOverride) ? recorded : driverOverride;
}

/** Functions with the drivers that they go back to: the ledger goes on naming them until they are back. */
export function withHostDrivers(
  owned: OwnedResources,
  addresses: readonly PciAddress[],
  prior: PriorAttachment | undefined,
): LedgerFunction[] {
  return addresses.map((hostAddress) => {
    const hostDriver = findHostDriver(owned, hostAddress, prior);
    const driverOverride = findRecorded(owned, hostAddress)?.driverOverride;
    return {
      hostAddress,
      ...(hostDriver !== undefined && { hostDriver }),
      ...(driverOverride !== undefined && { driverOverride }),
    };
  });
}

function findRecorded(owned: OwnedResources, hostAddress: PciAddress): LedgerFunction | undefined {
  return owned.entry?.functions.find((one) => one.hostAddress === hostAddress);
}
