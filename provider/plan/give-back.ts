import { isVfioDriver } from "../host/facts";
import type { PciAddress } from "../pci";
import type { ChosenSlot } from "./chosen-slot";
import type { PriorAttachment, PriorFunction } from "./desired";
import { findHostDriver, withHostDrivers } from "./host-driver";
import { aliasOf } from "./identifiers";
import type { Observation, OwnedResources } from "./observation";
import type { Step } from "./step";

/** A step that brings functions back to the host. */
export type GiveBackStep = Extract<Step, { kind: "release" | "restore" }>;

/** The functions that steps bring back to the host. */
export function givenBackBy(steps: readonly GiveBackStep[]): PciAddress[] {
  return steps.flatMap((step) =>
    step.kind === "release" ? [step.hostAddress] : step.drivers.map((one) => one.hostAddress),
  );
}

/** What releases one held function of the owner. */
export function releaseStep(
  owned: OwnedResources,
  hostAddress: PciAddress,
  prior: PriorAttachment | undefined,
): GiveBackStep {
  const hostDriver = findHostDriver(owned, hostAddress, prior);
  return {
    kind: "release",
    hostAddress,
    alias: aliasOf(owned.tag, hostAddress),
    ...(hostDriver !== undefined && { hostDriver }),
  };
}

/** Steps for what an attachment no longer needs; a guest that is shut off has nothing to release. */
export function planGivenUp(chosen: ChosenSlot): GiveBackStep[] {
  const { observation, owned, prior, isOff, dropped, givenUp } = chosen;
  if (givenUp.length === 0) return [];
  const toRelease = isOff ? [] : dropped.filter((one) => !isReattachedByLibvirt(observation, owned, one));
  const byLibvirt = dropped.some((hostAddress) => owned.pluggedByLibvirt.includes(hostAddress));
  return [
    ...toRelease.map((hostAddress) => releaseStep(owned, hostAddress, prior)),
    ...planRestore(observation, withHostDrivers(owned, givenUp, prior), dropped, byLibvirt),
  ];
}

/**
 * Whether libvirt hands a function back when QEMU has let go of it. An older one does so only with what it
 * has bound itself, and it is released all the same.
 */
export function isReattachedByLibvirt(
  { olderLibvirt }: Observation,
  owned: OwnedResources,
  hostAddress: PciAddress,
): boolean {
  return olderLibvirt === undefined && owned.pluggedByLibvirt.includes(hostAddress);
}

/**
 * Libvirt gives a cold-plugged function back to the host by itself when QEMU has let go of it. It is waited
 * for, never asked: libvirt refuses to detach a function of a multifunction slot, and must not be asked to
 * detach what QEMU still has.
 */
export function planAwaitReattach(tag: string, coldPlugged: readonly PciAddress[]): Step[] {
  if (coldPlugged.length === 0) return [];
  return [
    {
      kind: "await-reattach",
      functions: coldPlugged.map((hostAddress) => ({ hostAddress, alias: aliasOf(tag, hostAddress) })),
    },
  ];
}

/**
 * A look at the host drivers after a release: libvirt's OK is no evidence. Functions
 * that an earlier, cut-off release left behind are looked at too; those of a group that someone else has are
 * not: bound to a host driver, they would take the group from under its user.
 */
export function planRestore(
  observation: Observation,
  known: readonly PriorFunction[],
  released: readonly PciAddress[],
  byLibvirt = false,
): GiveBackStep[] {
  const groupOf = (hostAddress: PciAddress): number | undefined =>
    observation.functions.get(hostAddress)?.iommuGroup;
  const others = observation.holdings.map((one) => one.hostAddress).filter((one) => !released.includes(one));
  const groups = new Set(others.map(groupOf).filter((group) => group !== undefined));
  const drivers = known.flatMap(({ hostAddress, hostDriver }) => {
    const isOthers = others.includes(hostAddress) || groups.has(groupOf(hostAddress) ?? -1);
    // what was on a driver of VFIO's before stays there by itself; to bind it would give it to one of the
    // host's
    const hasItsDriver = hostDriver === undefined || isVfioDriver(hostDriver);
    return hasItsDriver || isOthers ? [] : [{ hostAddress, hostDriver }];
  });
  const givenBackBy = hasEnded(observation) ? "guest-end" : byLibvirt ? "libvirt" : "release";
  return drivers.length === 0 ? [] : [{ kind: "restore", givenBackBy, drivers }];
}

/** Whether the guest does not run, or is not there any more: nothing is plugged or held. */
export function hasEnded({ guest }: Observation): boolean {
  return guest.runState === "off" || guest.runState === "missing";
}
