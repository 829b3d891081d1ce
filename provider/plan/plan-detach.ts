import { providerError } from "../errors";
import { isAcpiSlot, romOptionsOf, type PciAddress, type SlotKind } from "../pci";
import { isVfioDriver } from "../host/facts";
import { hasOtherIncarnation } from "./claim";
import { aliasOf, findTagOfQemuId } from "./identifiers";
import type { LedgerLocation, Observation, OwnedResources, PluggedFunction } from "./observation";
import { findOwned } from "./owned";
import { planUnconfigure } from "./plan-configuration";
import type { Plan, Step } from "./step";
import { findWaiting } from "./waiting";
import type { PriorAttachment, PriorFunction } from "./desired";

/**
 * Steps that give back everything the owner has; none where it has nothing. The guest's configuration loses it
 * first: a guest that does not let go of the device is then rid of it at the latest with its next cold boot.
 *
 * @param remembered of the state that asks: what another state of the same token has in the configuration is left alone.
 *   Whether the attachment itself is another's is asked before.
 */
export function planDetach(observation: Observation, ownerToken: string, prior?: PriorAttachment): Plan {
  const found = findOwned(observation, ownerToken);
  const owned = found && prior ? withoutAnothers(found, prior) : found;
  const waiting = findWaiting(observation, owned, prior);
  if (owned === undefined) {
    const steps = planRestore(observation, waiting, []);
    refuseUnidentified(observation, steps);
    return { steps };
  }
  refusePluggedOtherwise(observation, owned, owned.held);
  const steps: Step[] = [
    ...planUnconfigure(owned),
    ...planUnplug(observation, owned),
    ...planAwaitReattach(owned.tag, owned.pluggedByLibvirt),
    ...owned.held
      .filter((hostAddress) => !isReattachedByLibvirt(observation, owned, hostAddress))
      .map((hostAddress) => releaseStep(owned, hostAddress, prior)),
    ...planRestore(
      observation,
      withWaiting((owned.entry ?? prior)?.functions ?? [], waiting),
      owned.held,
      owned.pluggedByLibvirt.length > 0,
    ),
  ];
  refuseUnidentified(observation, steps);
  return { steps: [...steps, ...planErase(observation, owned)] };
}

/** One step for both places, unless one of the entries has lost its incarnation: erasing compares it. */
function planErase({ ledgerLocation }: Observation, { liveEntry, configuredEntry }: OwnedResources): Step[] {
  const live: LedgerLocation = ledgerLocation ?? "live";
  if (liveEntry !== undefined && liveEntry.incarnation === configuredEntry?.incarnation)
    return [
      {
        kind: "erase",
        entry: liveEntry,
        locations: [live, ...(configuredEntry ? ["configuration" as const] : [])],
      },
    ];
  return [
    ...(liveEntry ? [{ kind: "erase", entry: liveEntry, locations: [live] } as const] : []),
    ...(configuredEntry
      ? [{ kind: "erase", entry: configuredEntry, locations: ["configuration"] } as const]
      : []),
  ];
}

/** What the guest's configuration has of another state of the same token is not this one's to take out. */
function withoutAnothers(owned: OwnedResources, prior: PriorAttachment): OwnedResources {
  const { configuredEntry, ...rest } = owned;
  if (!hasOtherIncarnation(configuredEntry, prior)) return owned;
  return { ...rest, configured: [] };
}

/** What is known of an attachment's functions, with those that wait for their host driver. */
function withWaiting(known: readonly PriorFunction[], waiting: readonly PriorFunction[]): PriorFunction[] {
  return [
    ...known,
    ...waiting.filter((one) => !known.some((other) => other.hostAddress === one.hostAddress)),
  ];
}

/**
 * Whether libvirt hands a function back when QEMU has let go of it. An older one does so only with what it has bound itself,
 * and it is released all the same.
 */
export function isReattachedByLibvirt(
  { olderLibvirt }: Observation,
  owned: OwnedResources,
  hostAddress: PciAddress,
): boolean {
  return olderLibvirt === undefined && owned.pluggedByLibvirt.includes(hostAddress);
}

/**
 * Libvirt gives a cold-plugged function back to the host by itself when QEMU has let go of it. It is waited for,
 * never asked: libvirt refuses to detach a function of a multifunction slot, and must not be asked to detach
 * what QEMU still has (libvirt.md, Persistent configuration, Concurrency).
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
 * A look at the host drivers after a release: libvirt's OK is no evidence (libvirt.md, step 4). Functions
 * that an earlier, cut-off release left behind are looked at too; those of a group that someone else has are not:
 * bound to a host driver, they would take the group from under its user (libvirt.md, step 4).
 */
export function planRestore(
  observation: Observation,
  known: readonly PriorFunction[],
  released: readonly PciAddress[],
  byLibvirt = false,
): Step[] {
  const groupOf = (hostAddress: PciAddress): number | undefined =>
    observation.functions.get(hostAddress)?.iommuGroup;
  const others = observation.holdings.map((one) => one.hostAddress).filter((one) => !released.includes(one));
  const groups = new Set(others.map(groupOf).filter((group) => group !== undefined));
  const drivers = known.flatMap(({ hostAddress, hostDriver }) => {
    const isOthers = others.includes(hostAddress) || groups.has(groupOf(hostAddress) ?? -1);
    // what was on a driver of VFIO's before stays there by itself; to bind it would give it to one of the host's
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

/** One unplug for each guest slot in which functions of the owner stand (one, unless someone moved them). */
export function planUnplug(observation: Observation, owned: OwnedResources): Step[] {
  const bySlot = new Map<string, PluggedFunction[]>();
  for (const one of owned.plugged) {
    const key = `${one.bus}/${one.slot}`;
    bySlot.set(key, [...(bySlot.get(key) ?? []), one]);
  }
  if (bySlot.size > 0 && observation.guest.runState === "prelaunch")
    throw providerError("GUEST_NEVER_RAN", { guest: observation.guest.name });
  return [...bySlot.values()].map((functions) => unplugStep(observation, functions));
}

/**
 * A function of ours that QEMU has under an id that is not: someone has plugged it by hand. It is theirs to unplug;
 * it cannot be plugged a second time, and a release would block libvirtd (libvirt.md, Concurrency).
 */
export function refusePluggedOtherwise(
  observation: Observation,
  owned: OwnedResources,
  addresses: readonly PciAddress[],
): void {
  const others = observation.plugged.filter(
    (one) => addresses.includes(one.hostAddress) && findTagOfQemuId(one.qemuId) !== owned.tag,
  );
  if (others.length > 0)
    throw providerError("FUNCTION_PLUGGED_OTHERWISE", {
      guest: observation.guest.name,
      functions: others.map((one) => `${one.hostAddress} (${one.qemuId} in ${one.bus} slot ${one.slot})`),
    });
}

/**
 * Of what is to go back to the host, none may be a function that QEMU still has: libvirt would block, or the kernel would wait
 * for QEMU. Where QEMU has one and does not tell which, it may be any of them that it could have opened: none that it has
 * under an id that tells, and none that is on a driver of the host's.
 */
export function refuseUnidentified(observation: Observation, steps: readonly Step[]): void {
  const { guest, plugged, unidentified = [] } = observation;
  if (unidentified.length === 0) return;
  const goingBack = steps.flatMap((step) => {
    if (step.kind === "release") return [step.hostAddress];
    return step.kind === "restore" ? step.drivers.map((one) => one.hostAddress) : [];
  });
  const functions = goingBack.filter((hostAddress) => {
    const driver = observation.functions.get(hostAddress)?.driver;
    const isHosts = driver !== undefined && !isVfioDriver(driver);
    return !isHosts && !plugged.some((one) => one.hostAddress === hostAddress);
  });
  if (functions.length > 0)
    throw providerError("FUNCTION_UNIDENTIFIED", {
      functions: [...new Set(functions)],
      guest: guest.name,
      ids: unidentified,
    });
}

/** What releases one held function of the owner. */
export function releaseStep(
  owned: OwnedResources,
  hostAddress: PciAddress,
  prior: PriorAttachment | undefined,
): Step {
  const hostDriver = findHostDriver(owned, hostAddress, prior);
  return {
    kind: "release",
    hostAddress,
    alias: aliasOf(owned.tag, hostAddress),
    ...(hostDriver !== undefined && { hostDriver }),
  };
}

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
 * Function 0 present: exactly one device_del, because it removes all and a second one may cancel it
 * (qemu.md 1.3). Absent: the guest never saw the others; QEMU removes each at once, but an ACPI slot is
 * emptied through the guest by one request for all (qemu.md section 4). pseries before QEMU 4.2 refuses function 0
 * until each other function has been asked for (spapr_pci_unplug_request in hw/ppc/spapr_pci.c).
 */
function unplugStep(observation: Observation, functions: readonly PluggedFunction[]): Step {
  const [first] = functions;
  if (first === undefined) throw new RangeError("an unplug needs a function");
  const kind = kindOf(observation, first);
  const seenByGuest = first.guestFunction === 0;
  const ids = functions.map((one) => one.qemuId);
  const goesThroughGuest = seenByGuest || isAcpiSlot(kind);
  const isEach = !goesThroughGuest || (kind === "pseries" && isBefore(observation.guest.qemuVersion, 4, 2));
  return {
    kind: "unplug",
    slot: { bus: first.bus, slot: first.slot, kind },
    functions: functions.map((one) => ({
      qemuId: one.qemuId,
      hostAddress: one.hostAddress,
      guestFunction: one.guestFunction,
      ...romOptionsOf(one),
    })),
    requests: isEach ? ids.reverse() : ids.slice(0, 1),
    seenByGuest,
    ...(goesThroughGuest && observation.guest.runState === "paused" && { awaitsResume: true }),
  };
}

function kindOf(observation: Observation, one: PluggedFunction): SlotKind {
  const bus = observation.buses.find((candidate) => candidate.bus === one.bus);
  if (bus?.hotplug.possible) return bus.hotplug.kind;
  throw providerError("SLOT_REFUSED", {
    guest: observation.guest.name,
    slot: `${one.bus} slot ${one.slot}`,
    reason: bus === undefined ? "the guest has no such bus" : bus.hotplug.possible ? "" : bus.hotplug.reason,
  });
}

/** Whether a version of QEMU is older than this one; one that does not tell is not. */
function isBefore(qemuVersion: string, major: number, minor: number): boolean {
  const [ownMajor = NaN, ownMinor = NaN] = qemuVersion.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
