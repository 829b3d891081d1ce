import { providerError } from "../errors";
import {
  compareAddresses,
  defaultFunctionMap,
  functionNumberOf,
  pciAddressOf,
  romOptionsOf,
  slotOf,
  type FunctionMapping,
  type GuestSlot,
  type PciAddress,
} from "../pci";
import { isVfioDriver, type HostFunction } from "../host/facts";
import type { HostUse } from "../host/uses";
import { chooseSlot, isPluggedAs, refuseSlotGivenAway, slotOfConfigured, usableBuses } from "./choose-slot";
import { incarnationFor, isAnothersEntry, isVisible, refuseAnothers, refuseStandingOtherwise } from "./claim";
import { listUses } from "./describe";
import { aliasOf, findTagOfAlias, qemuIdOf } from "./identifiers";
import type { Holding, LedgerEntry, LedgerLocation, Observation, OwnedResources } from "./observation";
import { entriesOf, findOwned, isNothing, pluggedAtBoot } from "./owned";
import { refuseQemuLimits } from "./checks/qemu-limits";
import { refuseParentsOfVirtualFunctions } from "./checks/physical-functions";
import { configurationOf, planConfiguration, refuseConfiguredOtherwise } from "./plan-configuration";
import {
  isReattachedByLibvirt,
  findHostDriver,
  planAwaitReattach,
  planRestore,
  planUnplug,
  refusePluggedOtherwise,
  refuseUnidentified,
  releaseStep,
} from "./plan-detach";
import { planPlug, planSingle } from "./plan-plug";
import { findSingle } from "./plan-single";
import { findSteppingStones } from "./stepping-stone";
import type { Plan, PlugTarget, Step, TakenFunction } from "./step";
import { findWaiting } from "./waiting";
import type { PriorAttachment, DesiredAttachment } from "./desired";

/**
 * Ordered steps from what is there to what is wanted; throws a ProviderError that says why it cannot be.
 *
 * The order holds these invariants: the ledger is written before the first change; everything a group
 * needs is held before anything is unplugged or plugged; function 0 is plugged last; what is no longer
 * needed is released after all else, a whole IOMMU group at a time, because a release of one function
 * takes the group's device node from the guest (libvirt.md, Partial assignment).
 *
 * The guest's configuration follows where the guest has what is wanted, so that a cold boot on the way brings
 * back the earlier set, whole. Of a guest that is shut off and has a persistent attachment, only the
 * configuration is put right.
 */
export function planAttach(
  observation: Observation,
  desired: DesiredAttachment,
  prior?: PriorAttachment,
): Plan {
  refuseGuestState(observation, desired);
  const isOff = observation.guest.runState === "off";
  const { part, isTaken } = ownOrAdopt(observation, desired, prior);
  const owned = isOff ? asConfigured(part) : part;
  // of a create that would resume what a crash left, and of another stack's, the host alone tells nothing: what the guest
  // sees decides (docs/internals/decisions/0074-incarnation.md)
  const takesOver = prior === undefined && !isTaken && isVisible(observation, owned);
  const standsOtherwise = takesOver && !desired.adopt;
  const known = standsOtherwise ? undefined : (owned.entry ?? prior);
  const map = selectFunctions(observation, desired, known);
  if (standsOtherwise) refuseStandingOtherwise(observation, desired, owned, map);
  const members = groupMembers(observation, map);
  const leftovers = findLeftovers(observation, desired, owned, map, members, prior);
  const needed = [...map.map((one) => one.hostAddress), ...leftovers].sort(compareAddresses);
  const toHold = needed.filter((hostAddress) => !owned.held.includes(hostAddress));
  refuseWhatGuestsHold(observation, owned, toHold);
  refusePluggedOtherwise(observation, owned, [...needed, ...owned.held]);
  const slot = isOff
    ? slotOfConfigured(observation, desired, owned, prior)
    : chooseSlot(observation, desired, owned, map, prior);
  const isPlugged = isPluggedAs(owned, map, slot);
  // a guest that is off takes nothing now: its next boot does
  const toHoldAgain = isPlugged || isOff ? [] : heldButUnbound(owned, members);
  if (!isOff) {
    refuseParentsOfVirtualFunctions(observation, [...toHold, ...toHoldAgain], needed);
    refuseWhatTheHostUses(observation, desired, [...toHold, ...toHoldAgain]);
    if (!isPlugged) refuseQemuLimits(observation, [...members.values()]);
  }
  const single = isPlugged || isOff ? undefined : findSingle(observation, owned, map, slot);
  const stones =
    isPlugged || isOff || single !== undefined
      ? undefined
      : findSteppingStones(observation, usableBuses(observation, desired, owned), map, slot);
  const targets: PlugTarget[] = [...map]
    .sort((a, b) => a.guestFunction - b.guestFunction)
    .map((one) => ({ ...one, qemuId: targetId(owned, one, isPlugged, isOff || one === single) }));
  const kept = owned.held.filter((hostAddress) => members.has(hostAddress));
  const dropped = owned.held.filter((hostAddress) => !members.has(hostAddress));
  const givenUp = [...dropped, ...releasedEarlier(observation, owned, members, prior)];
  const heldOnly = [...new Set([...kept, ...leftovers])]
    .filter((hostAddress) => !map.some((one) => one.hostAddress === hostAddress))
    .sort(compareAddresses);

  const incarnation = incarnationFor(desired, owned, isTaken || takesOver, prior);
  const finalEntry = {
    ...ledgerEntry(observation, desired, owned, slot, map, heldOnly, prior),
    ...incarnation,
  };
  const interimEntry = withDropped(finalEntry, owned, givenUp, prior);
  const configuration = desired.persistent ? configurationOf(finalEntry) : [];
  if (desired.persistent)
    refuseConfiguredOtherwise(
      observation,
      owned,
      configuration.map((one) => one.hostAddress),
    );
  const taken = (hostAddress: PciAddress): TakenFunction => {
    const hostDriver = finalEntry.functions.find((one) => one.hostAddress === hostAddress)?.hostDriver;
    const overriddenUses = usesOf(observation, hostAddress).map((one) => one.use);
    const hostDevices = observation.hostDevices?.get(hostAddress);
    return {
      hostAddress,
      alias: aliasOf(owned.tag, hostAddress),
      ...(hostDriver !== undefined && { hostDriver }),
      ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }),
      ...(hostDevices !== undefined && { hostDevices }),
      ...(overriddenUses.length > 0 && { overriddenUses }),
    };
  };
  const holdStep = (hostAddress: PciAddress): Step => ({
    kind: "hold",
    ...taken(hostAddress),
    purpose: map.some((one) => one.hostAddress === hostAddress) ? "assign" : "leftover",
  });
  const locations: LedgerLocation[] = [
    ...(isOff ? [] : [observation.ledgerLocation ?? "live"]),
    ...(desired.persistent ? ["configuration" as const] : []),
  ];
  const isRenewed = desired.fresh !== undefined && finalEntry.incarnation === desired.fresh.incarnation;
  const stale = locations.filter(
    (location) =>
      isRenewed ||
      !isSameEntry(location === "configuration" ? owned.configuredEntry : owned.liveEntry, interimEntry),
  );
  const configurationSteps = planConfiguration(owned, configuration);
  if (
    isPlugged &&
    !isOff &&
    !desired.goesBack &&
    configurationSteps.some((step) => step.kind === "configure")
  )
    refuseSlotGivenAway(observation, desired, owned, slot);
  const steps: Step[] = [];
  if (stale.length > 0) steps.push({ kind: "record", entry: interimEntry, locations: stale });
  if (!isOff) {
    steps.push(...toHold.filter((hostAddress) => hostAddress !== single?.hostAddress).map(holdStep));
    const unplugs = isPlugged ? [] : planUnplug(observation, owned);
    const goesByItself = owned.pluggedByLibvirt.filter(
      (hostAddress) => !isPlugged || !owned.plugged.some((one) => one.hostAddress === hostAddress),
    );
    steps.push(...unplugs, ...planAwaitReattach(owned.tag, goesByItself));
    // libvirt takes the group's node from the guest with what it hands back; holding that again brings it back
    steps.push(...goesByItself.filter((hostAddress) => members.has(hostAddress)).map(holdStep));
    steps.push(...toHoldAgain.map((hostAddress) => releaseStep(owned, hostAddress, prior)));
    steps.push(...toHoldAgain.map(holdStep));
    if (single !== undefined)
      steps.push(...planSingle(observation, owned.tag, slot, targets, taken(single.hostAddress)));
    else if (!isPlugged) {
      steps.push(...planPlug(observation, owned.tag, slot, targets, stones));
    }
  }
  const confirmed = steps.length;
  steps.push(...configurationSteps);
  const standsAfter = isOff ? steps.length : confirmed;
  if (!desired.persistent && owned.configuredEntry !== undefined)
    steps.push({ kind: "erase", entry: owned.configuredEntry, locations: ["configuration"] });
  if (givenUp.length > 0) {
    for (const hostAddress of isOff ? [] : dropped)
      if (!isReattachedByLibvirt(observation, owned, hostAddress))
        steps.push(releaseStep(owned, hostAddress, prior));
    const ofGivenUp = interimEntry.functions.filter((one) => givenUp.includes(one.hostAddress));
    const byLibvirt = dropped.some((hostAddress) => owned.pluggedByLibvirt.includes(hostAddress));
    steps.push(...planRestore(observation, ofGivenUp, dropped, byLibvirt));
    steps.push({ kind: "record", entry: finalEntry, locations });
  }
  refuseUnidentified(observation, steps);
  const { since } = owned.entry ?? {};
  return {
    steps,
    standsAfter,
    target: { slot, attached: targets, entry: finalEntry },
    ...(takesOver && { takesOver: { ...(since !== undefined && { since }) } }),
  };
}

/**
 * A guest that is shut off has what its configuration gives it: it is looked at as if it had booted, so that
 * the same questions find what differs.
 */
function asConfigured(owned: OwnedResources): OwnedResources {
  return {
    ...owned,
    held: owned.configured.map((one) => one.hostAddress),
    pluggedByLibvirt: [],
    plugged: pluggedAtBoot(owned),
  };
}

/**
 * Functions that libvirt has for the guest and that someone has taken from vfio-pci on the host, by `unbind` or by
 * `remove` and `rescan`: QEMU cannot open them, and libvirt binds them again only where it takes them anew.
 */
function heldButUnbound(owned: OwnedResources, members: ReadonlyMap<PciAddress, HostFunction>): PciAddress[] {
  return owned.held.filter((hostAddress) => {
    const one = members.get(hostAddress);
    return one !== undefined && !isVfioDriver(one.driver) && !owned.pluggedByLibvirt.includes(hostAddress);
  });
}

/** The id of a function that stays is the one it has: what libvirt plugs bears its alias. */
function targetId(
  owned: OwnedResources,
  one: FunctionMapping,
  isPlugged: boolean,
  byLibvirt: boolean,
): string {
  if (byLibvirt) return aliasOf(owned.tag, one.hostAddress);
  const present = owned.plugged.find((other) => other.hostAddress === one.hostAddress);
  return (isPlugged ? present?.qemuId : undefined) ?? qemuIdOf(owned.tag, one.guestFunction, one);
}

function refuseGuestState(observation: Observation, desired: DesiredAttachment): void {
  const { guest, configuration, olderLibvirt } = observation;
  if (desired.persistent && olderLibvirt !== undefined)
    throw providerError("PERSISTENT_NEEDS_NEWER_LIBVIRT", {
      guest: guest.name,
      version: olderLibvirt.version,
    });
  switch (guest.runState) {
    case "missing":
      throw providerError("GUEST_NOT_FOUND", { guest: guest.name });
    case "off":
      if (desired.persistent && !isNothing(findOwned(observation, desired.ownerToken))) return;
      throw providerError("GUEST_NOT_RUNNING", { guest: guest.name });
    case "prelaunch":
      throw providerError("GUEST_NEVER_RAN", { guest: guest.name });
    case "running":
    case "paused":
      if (desired.persistent && configuration === undefined)
        throw providerError("GUEST_IS_TRANSIENT", { guest: guest.name });
  }
}

/** `isTaken`: another's, and taken over because `adopt` asks for it. */
function ownOrAdopt(
  observation: Observation,
  desired: DesiredAttachment,
  prior: PriorAttachment | undefined,
): { readonly part: OwnedResources; readonly isTaken: boolean } {
  const own = findOwned(observation, desired.ownerToken);
  const ownHasDevices =
    own !== undefined && [own.held, own.plugged, own.configured].some((some) => some.length > 0);
  const named = namedAddresses(observation, desired, prior);
  if (prior !== undefined && !desired.adopt) refuseAnothers(observation, own, prior, named);
  const elsewhere = observation.ledger.filter((line) => line.guest.uuid !== observation.guest.uuid);
  const lines = [
    ...entriesOf(observation).map((entry) => ({ guest: observation.guest, entry })),
    ...elsewhere,
  ];
  const rival = lines.find(
    (line) =>
      line.entry.owner !== desired.ownerToken &&
      line.entry.functions.some((one) => named.has(one.hostAddress)),
  );
  if (rival === undefined) {
    if (own === undefined) {
      const adopter = lines.find((line) => line.entry.owner !== desired.ownerToken);
      throw providerError("ATTACHMENT_ADOPTED_BY_ANOTHER", {
        owner: adopter?.entry.owner ?? "another owner",
        guest: observation.guest.name,
      });
    }
    return { part: own, isTaken: prior !== undefined && isAnothersEntry(own.entry, prior, named) };
  }
  const isElsewhere = rival.guest.uuid !== observation.guest.uuid;
  if (!desired.adopt || isElsewhere || ownHasDevices)
    throw providerError("ATTACHMENT_OWNED_BY_ANOTHER", {
      functions: rival.entry.functions
        .map((one) => one.hostAddress)
        .filter((hostAddress) => named.has(hostAddress)),
      guest: rival.guest.name,
      owner: rival.entry.owner,
      canAdopt: !isElsewhere && !ownHasDevices,
    });
  const theirs = findOwned(observation, rival.entry.owner);
  if (theirs === undefined) throw new Error("a ledger entry owns nothing");
  return { part: theirs, isTaken: true };
}

function namedAddresses(
  observation: Observation,
  desired: DesiredAttachment,
  prior: PriorAttachment | undefined,
): Set<PciAddress> {
  const { selection } = desired;
  if (selection.by === "map") return new Set(selection.map.map((one) => one.hostAddress));
  const numbers =
    selection.functions ?? priorNumbers(desired, prior) ?? deviceFunctions(observation, desired);
  return new Set(numbers.map((n) => pciAddressOf(selection.device, n)));
}

/**
 * The functions to show, with their guest numbers. Where the user named none, those that the device had
 * when it was attached: a later look at the device does not change the set behind the user's back.
 */
function selectFunctions(
  observation: Observation,
  desired: DesiredAttachment,
  known: Pick<PriorAttachment, "functions"> | undefined,
): FunctionMapping[] {
  const { selection } = desired;
  const map =
    selection.by === "map"
      ? [...selection.map]
      : defaultFunctionMap(
          (selection.functions ?? priorNumbers(desired, known) ?? deviceFunctions(observation, desired)).map(
            (n) => pciAddressOf(selection.device, n),
          ),
        );
  for (const { hostAddress } of map) {
    const one = observation.functions.get(hostAddress);
    if (one === undefined)
      throw providerError("FUNCTION_NOT_FOUND", {
        hostAddress: hostAddress,
        present: presentFunctions(observation, hostAddress),
      });
    if (one.isBridge) throw providerError("FUNCTION_IS_BRIDGE", { hostAddress: hostAddress });
    if (one.iommuGroup === undefined)
      throw providerError("FUNCTION_WITHOUT_IOMMU_GROUP", { hostAddress: hostAddress });
  }
  return map;
}

function priorNumbers(
  desired: DesiredAttachment,
  prior: Pick<PriorAttachment, "functions"> | undefined,
): number[] | undefined {
  const { selection } = desired;
  if (selection.by !== "device" || prior === undefined) return undefined;
  const shown = prior.functions.filter(
    (one) => one.guestFunction !== undefined && slotOf(one.hostAddress) === selection.device,
  );
  return shown.length === 0 ? undefined : shown.map((one) => functionNumberOf(one.hostAddress));
}

function deviceFunctions(observation: Observation, desired: DesiredAttachment): number[] {
  if (desired.selection.by !== "device") return [];
  const { device } = desired.selection;
  const found = [...observation.functions.keys()].filter((hostAddress) => slotOf(hostAddress) === device);
  if (found.length === 0) throw providerError("DEVICE_NOT_FOUND", { device });
  return found.map(functionNumberOf).sort((a, b) => a - b);
}

function presentFunctions(observation: Observation, hostAddress: PciAddress): PciAddress[] {
  return [...observation.functions.keys()]
    .filter((other) => slotOf(other) === slotOf(hostAddress))
    .sort(compareAddresses);
}

/** Every function of every IOMMU group that the map touches. */
function groupMembers(
  observation: Observation,
  map: readonly FunctionMapping[],
): ReadonlyMap<PciAddress, HostFunction> {
  const groups = new Set(map.map((one) => observation.functions.get(one.hostAddress)?.iommuGroup));
  return new Map([...observation.functions].filter(([, one]) => groups.has(one.iommuGroup)));
}

/** Members with a host driver that are not assigned: they make the group unusable unless they are held. */
function findLeftovers(
  observation: Observation,
  desired: DesiredAttachment,
  owned: OwnedResources,
  map: readonly FunctionMapping[],
  members: ReadonlyMap<PciAddress, HostFunction>,
  prior: PriorAttachment | undefined,
): PciAddress[] {
  // a group has one user: even a member on vfio-pci is no longer safe once it is held for someone else, whose
  // release would take the group's node from this guest or hand a function back under it
  const foreign =
    observation.guest.runState === "off"
      ? []
      : [...members.keys()].filter((hostAddress) => isHeldByOther(observation, owned, hostAddress));
  refuseWhatGuestsHold(observation, owned, foreign);
  const leftovers = [...members.values()]
    .filter((one) => !one.isBridge && !map.some((m) => m.hostAddress === one.hostAddress))
    .sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress))
    .map((one) => ({ hostAddress: one.hostAddress, driver: originalDriver(owned, one, prior) }))
    .filter((one) => one.driver !== undefined && !isVfioDriver(one.driver));
  if (leftovers.length > 0 && desired.leftovers === "refuse")
    throw providerError("LEFTOVERS_REFUSED", {
      leftovers: leftovers.map((one) => `${one.hostAddress} (${one.driver ?? "no driver"})`),
      groups: [...new Set([...members.values()].map((one) => one.iommuGroup ?? -1))],
    });
  return leftovers.map((one) => one.hostAddress);
}

function isHeldByOther(observation: Observation, owned: OwnedResources, hostAddress: PciAddress): boolean {
  return findOther(observation, owned, hostAddress) !== undefined;
}

/** Who else holds a function: a process may have the group open beside its owner. */
function findOther(
  { holdings, guest }: Observation,
  owned: OwnedResources,
  hostAddress: PciAddress,
): Holding | undefined {
  return holdings.find(
    (one) =>
      one.hostAddress === hostAddress &&
      !(one.guest.uuid === guest.uuid && findTagOfAlias(one.alias) === owned.tag),
  );
}

/**
 * The driver to give a function back to. A function that is not held and has no driver of its own any
 * more was lost in a cut-off release: the ledger still knows what it had, or the state does.
 */
function originalDriver(
  owned: OwnedResources,
  one: HostFunction,
  prior: PriorAttachment | undefined,
): string | undefined {
  if (owned.held.includes(one.hostAddress)) return findHostDriver(owned, one.hostAddress, prior);
  const isUnclear = one.driver === undefined || isVfioDriver(one.driver);
  return (isUnclear ? findHostDriver(owned, one.hostAddress, prior) : undefined) ?? one.driver;
}

function refuseWhatGuestsHold(
  observation: Observation,
  owned: OwnedResources,
  toTake: readonly PciAddress[],
): void {
  for (const hostAddress of toTake) {
    const holder = findOther(observation, owned, hostAddress);
    if (holder !== undefined)
      throw providerError("FUNCTION_HELD_BY_GUEST", {
        hostAddress: hostAddress,
        guest: holder.guest.name,
        alias: holder.alias,
      });
  }
}

function refuseWhatTheHostUses(
  observation: Observation,
  desired: DesiredAttachment,
  toTake: readonly PciAddress[],
): void {
  const refused = toTake.flatMap((hostAddress) => {
    const uses = usesOf(observation, hostAddress).filter(
      (one) => !desired.allowInUse || one.isThisConnection,
    );
    return uses.length === 0 ? [] : [{ hostAddress, uses }];
  });
  if (refused.length === 0) return;
  throw providerError("FUNCTION_USED_BY_HOST", {
    uses: refused.map(({ hostAddress, uses }) => {
      const driver = observation.functions.get(hostAddress)?.driver ?? "no driver";
      return `${hostAddress} (${driver}) ${listUses(uses.map((one) => one.use))}`;
    }),
    canOverride: refused.every(({ uses }) => uses.every((one) => !one.isThisConnection)),
  });
}

function usesOf(observation: Observation, hostAddress: PciAddress): readonly HostUse[] {
  return observation.hostUses.filter((one) => one.hostAddress === hostAddress);
}

function ledgerEntry(
  observation: Observation,
  desired: DesiredAttachment,
  owned: OwnedResources,
  slot: GuestSlot,
  map: readonly FunctionMapping[],
  heldOnly: readonly PciAddress[],
  prior: PriorAttachment | undefined,
): LedgerEntry {
  const driverOf = (hostAddress: PciAddress): { hostDriver?: string } => {
    const one = observation.functions.get(hostAddress);
    const hostDriver = one && originalDriver(owned, one, prior);
    return hostDriver === undefined ? {} : { hostDriver };
  };
  return {
    owner: desired.ownerToken,
    tag: owned.tag,
    slot,
    functions: [
      ...map.map((one) => ({
        hostAddress: one.hostAddress,
        guestFunction: one.guestFunction,
        ...romOptionsOf(one),
        ...driverOf(one.hostAddress),
      })),
      ...heldOnly.map((hostAddress) => ({ hostAddress, ...driverOf(hostAddress) })),
    ].sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress)),
  };
}

/**
 * Functions that a cut-off release gave back: the ledger names them until their drivers have been seen. Where the ledger has
 * gone, the state names those that wait for theirs.
 */
function releasedEarlier(
  observation: Observation,
  owned: OwnedResources,
  members: ReadonlyMap<PciAddress, HostFunction>,
  prior: PriorAttachment | undefined,
): PciAddress[] {
  const known = [...(owned.entry?.functions ?? []), ...findWaiting(observation, owned, prior)];
  return [...new Set(known.map((one) => one.hostAddress))].filter(
    (hostAddress) => !members.has(hostAddress) && !owned.held.includes(hostAddress),
  );
}

/** While functions are still to be released, the ledger goes on naming them and their drivers. */
function withDropped(
  entry: LedgerEntry,
  owned: OwnedResources,
  dropped: readonly PciAddress[],
  prior: PriorAttachment | undefined,
): LedgerEntry {
  const extra = dropped.map((hostAddress) => {
    const hostDriver = findHostDriver(owned, hostAddress, prior);
    return { hostAddress, ...(hostDriver !== undefined && { hostDriver }) };
  });
  return { ...entry, functions: [...entry.functions, ...extra] };
}

/** An entry that has lost its incarnation is the same: it gets it back with the next write. */
function isSameEntry(a: LedgerEntry | undefined, b: LedgerEntry): boolean {
  const key = (entry: LedgerEntry): string =>
    JSON.stringify([
      entry.owner,
      entry.tag,
      entry.slot.bus,
      entry.slot.slot,
      entry.functions
        .map((one) =>
          JSON.stringify([one.hostAddress, one.guestFunction, one.hostDriver, one.romFile, one.romBar]),
        )
        .sort(),
    ]);
  const isOther = a?.incarnation !== undefined && a.incarnation !== b.incarnation;
  return a !== undefined && !isOther && key(a) === key(b);
}
