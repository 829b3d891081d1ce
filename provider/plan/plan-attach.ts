import { fail } from "../errors";
import {
  compareAddresses,
  defaultFunctionMap,
  functionNumberOf,
  isVfioDriver,
  pciAddressOf,
  romOptionsOf,
  slotOf,
  type FunctionMapping,
  type GuestSlot,
  type HostFunction,
  type HostUse,
  type PciAddress,
} from "../pci";
import { chooseSlot, isPluggedAs, refuseSlotGivenAway, slotOfConfigured, usableBuses } from "./choose-slot";
import { incarnationFor, isAnothersEntry, isVisible, refuseAnothers, refuseStandingOtherwise } from "./claim";
import { listUses } from "./describe";
import { aliasOf, findTagOfAlias, qemuIdOf } from "./naming";
import type { Holding, LedgerEntry, LedgerPlace, Observation, OwnedPart } from "./observation";
import { entriesOf, findOwned, isNothing, pluggedAtBoot } from "./owned";
import { refuseConfined } from "./refuse-confined";
import { refuseParentsOfVirtualFunctions } from "./physical-functions";
import { configurationOf, planConfiguration, refuseConfiguredOtherwise } from "./plan-configuration";
import {
  comesBackByItself,
  findHostDriver,
  planHandback,
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
import type { RememberedAttachment, WantedAttachment } from "./wanted";

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
  wanted: WantedAttachment,
  remembered?: RememberedAttachment,
): Plan {
  refuseGuestState(observation, wanted);
  const isOff = observation.guest.runState === "off";
  const { part, isTaken } = ownOrAdopt(observation, wanted, remembered);
  const owned = isOff ? asConfigured(part) : part;
  // of a create that would resume what a crash left, and of another stack's, the host alone tells nothing: what the guest
  // sees decides (docs/internals/decisions/0074-incarnation.md)
  const takesOver = remembered === undefined && !isTaken && isVisible(observation, owned);
  const standsOtherwise = takesOver && !wanted.adopt;
  const known = standsOtherwise ? undefined : (owned.entry ?? remembered);
  const map = selectFunctions(observation, wanted, known);
  if (standsOtherwise) refuseStandingOtherwise(observation, wanted, owned, map);
  const members = groupMembers(observation, map);
  const leftovers = findLeftovers(observation, wanted, owned, map, members, remembered);
  const needed = [...map.map((one) => one.hostAddress), ...leftovers].sort(compareAddresses);
  const toHold = needed.filter((address) => !owned.held.includes(address));
  refuseWhatGuestsHold(observation, owned, toHold);
  refusePluggedOtherwise(observation, owned, [...needed, ...owned.held]);
  const slot = isOff
    ? slotOfConfigured(observation, wanted, owned, remembered)
    : chooseSlot(observation, wanted, owned, map, remembered);
  const isPlugged = isPluggedAs(owned, map, slot);
  // a guest that is off takes nothing now: its next boot does
  const toHoldAgain = isPlugged || isOff ? [] : heldInNameOnly(owned, members);
  if (!isOff) {
    refuseParentsOfVirtualFunctions(observation, [...toHold, ...toHoldAgain], needed);
    refuseWhatTheHostUses(observation, wanted, [...toHold, ...toHoldAgain]);
    if (!isPlugged) refuseConfined(observation, [...members.values()]);
  }
  const single = isPlugged || isOff ? undefined : findSingle(observation, owned, map, slot);
  const stones =
    isPlugged || isOff || single !== undefined
      ? undefined
      : findSteppingStones(observation, usableBuses(observation, wanted, owned), map, slot);
  const targets: PlugTarget[] = [...map]
    .sort((a, b) => a.guestFunction - b.guestFunction)
    .map((one) => ({ ...one, qemuId: targetId(owned, one, isPlugged, isOff || one === single) }));
  const kept = owned.held.filter((address) => members.has(address));
  const dropped = owned.held.filter((address) => !members.has(address));
  const givenUp = [...dropped, ...releasedEarlier(observation, owned, members, remembered)];
  const heldOnly = [...new Set([...kept, ...leftovers])]
    .filter((address) => !map.some((one) => one.hostAddress === address))
    .sort(compareAddresses);

  const incarnation = incarnationFor(wanted, owned, isTaken || takesOver, remembered);
  const finalEntry = {
    ...ledgerEntry(observation, wanted, owned, slot, map, heldOnly, remembered),
    ...incarnation,
  };
  const interimEntry = withDropped(finalEntry, owned, givenUp, remembered);
  const configuration = wanted.persistent ? configurationOf(finalEntry) : [];
  if (wanted.persistent)
    refuseConfiguredOtherwise(
      observation,
      owned,
      configuration.map((one) => one.address),
    );
  const taken = (address: PciAddress): TakenFunction => {
    const hostDriver = finalEntry.functions.find((one) => one.address === address)?.hostDriver;
    const overriddenUses = usesOf(observation, address).map((one) => one.use);
    const hostDevices = observation.hostDevices?.get(address);
    return {
      address,
      alias: aliasOf(owned.tag, address),
      ...(hostDriver !== undefined && { hostDriver }),
      ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }),
      ...(hostDevices !== undefined && { hostDevices }),
      ...(overriddenUses.length > 0 && { overriddenUses }),
    };
  };
  const holdStep = (address: PciAddress): Step => ({
    kind: "hold",
    ...taken(address),
    purpose: map.some((one) => one.hostAddress === address) ? "assign" : "leftover",
  });
  const places: LedgerPlace[] = [
    ...(isOff ? [] : [observation.ledgerPlace ?? "live"]),
    ...(wanted.persistent ? ["configuration" as const] : []),
  ];
  const isRenewed = wanted.fresh !== undefined && finalEntry.incarnation === wanted.fresh.incarnation;
  const stale = places.filter(
    (place) =>
      isRenewed ||
      !isSameEntry(place === "configuration" ? owned.configuredEntry : owned.liveEntry, interimEntry),
  );
  const configurationSteps = planConfiguration(owned, configuration);
  if (isPlugged && !isOff && !wanted.goesBack && configurationSteps.some((step) => step.kind === "configure"))
    refuseSlotGivenAway(observation, wanted, owned, slot);
  const steps: Step[] = [];
  if (stale.length > 0) steps.push({ kind: "record", entry: interimEntry, places: stale });
  if (!isOff) {
    steps.push(...toHold.filter((address) => address !== single?.hostAddress).map(holdStep));
    const unplugs = isPlugged ? [] : planUnplug(observation, owned);
    const goesByItself = owned.pluggedByLibvirt.filter(
      (address) => !isPlugged || !owned.plugged.some((one) => one.hostAddress === address),
    );
    steps.push(...unplugs, ...planHandback(owned.tag, goesByItself));
    // libvirt takes the group's node from the guest with what it hands back; holding that again brings it back
    steps.push(...goesByItself.filter((address) => members.has(address)).map(holdStep));
    steps.push(...toHoldAgain.map((address) => releaseStep(owned, address, remembered)));
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
  if (!wanted.persistent && owned.configuredEntry !== undefined)
    steps.push({ kind: "erase", entry: owned.configuredEntry, places: ["configuration"] });
  if (givenUp.length > 0) {
    for (const address of isOff ? [] : dropped)
      if (!comesBackByItself(observation, owned, address))
        steps.push(releaseStep(owned, address, remembered));
    const ofGivenUp = interimEntry.functions.filter((one) => givenUp.includes(one.address));
    const byLibvirt = dropped.some((address) => owned.pluggedByLibvirt.includes(address));
    steps.push(...planRestore(observation, ofGivenUp, dropped, byLibvirt));
    steps.push({ kind: "record", entry: finalEntry, places });
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
function asConfigured(owned: OwnedPart): OwnedPart {
  return {
    ...owned,
    held: owned.configured.map((one) => one.address),
    pluggedByLibvirt: [],
    plugged: pluggedAtBoot(owned),
  };
}

/**
 * Functions that libvirt has for the guest and that someone has taken from vfio-pci on the host, by `unbind` or by
 * `remove` and `rescan`: QEMU cannot open them, and libvirt binds them again only where it takes them anew.
 */
function heldInNameOnly(owned: OwnedPart, members: ReadonlyMap<PciAddress, HostFunction>): PciAddress[] {
  return owned.held.filter((address) => {
    const one = members.get(address);
    return one !== undefined && !isVfioDriver(one.driver) && !owned.pluggedByLibvirt.includes(address);
  });
}

/** The id of a function that stays is the one it has: what libvirt plugs bears its alias. */
function targetId(owned: OwnedPart, one: FunctionMapping, isPlugged: boolean, byLibvirt: boolean): string {
  if (byLibvirt) return aliasOf(owned.tag, one.hostAddress);
  const present = owned.plugged.find((other) => other.hostAddress === one.hostAddress);
  return (isPlugged ? present?.qemuId : undefined) ?? qemuIdOf(owned.tag, one.guestFunction, one);
}

function refuseGuestState(observation: Observation, wanted: WantedAttachment): void {
  const { guest, configuration, olderLibvirt } = observation;
  if (wanted.persistent && olderLibvirt !== undefined)
    throw fail("PERSISTENT_NEEDS_NEWER_LIBVIRT", { guest: guest.name, version: olderLibvirt.version });
  switch (guest.runState) {
    case "missing":
      throw fail("GUEST_NOT_FOUND", { guest: guest.name });
    case "off":
      if (wanted.persistent && !isNothing(findOwned(observation, wanted.ownerToken))) return;
      throw fail("GUEST_NOT_RUNNING", { guest: guest.name });
    case "prelaunch":
      throw fail("GUEST_NEVER_RAN", { guest: guest.name });
    case "running":
    case "paused":
      if (wanted.persistent && configuration === undefined)
        throw fail("GUEST_IS_TRANSIENT", { guest: guest.name });
  }
}

/** `isTaken`: another's, and taken over because `adopt` asks for it. */
function ownOrAdopt(
  observation: Observation,
  wanted: WantedAttachment,
  remembered: RememberedAttachment | undefined,
): { readonly part: OwnedPart; readonly isTaken: boolean } {
  const own = findOwned(observation, wanted.ownerToken);
  const ownHasDevices =
    own !== undefined && [own.held, own.plugged, own.configured].some((some) => some.length > 0);
  const named = namedAddresses(observation, wanted, remembered);
  if (remembered !== undefined && !wanted.adopt) refuseAnothers(observation, own, remembered, named);
  const elsewhere = observation.ledger.filter((line) => line.guest.uuid !== observation.guest.uuid);
  const lines = [
    ...entriesOf(observation).map((entry) => ({ guest: observation.guest, entry })),
    ...elsewhere,
  ];
  const rival = lines.find(
    (line) =>
      line.entry.owner !== wanted.ownerToken && line.entry.functions.some((one) => named.has(one.address)),
  );
  if (rival === undefined) {
    if (own === undefined) {
      const adopter = lines.find((line) => line.entry.owner !== wanted.ownerToken);
      throw fail("ATTACHMENT_ADOPTED_BY_ANOTHER", {
        owner: adopter?.entry.owner ?? "another owner",
        guest: observation.guest.name,
      });
    }
    return { part: own, isTaken: remembered !== undefined && isAnothersEntry(own.entry, remembered, named) };
  }
  const isElsewhere = rival.guest.uuid !== observation.guest.uuid;
  if (!wanted.adopt || isElsewhere || ownHasDevices)
    throw fail("ATTACHMENT_OWNED_BY_ANOTHER", {
      functions: rival.entry.functions.map((one) => one.address).filter((address) => named.has(address)),
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
  wanted: WantedAttachment,
  remembered: RememberedAttachment | undefined,
): Set<PciAddress> {
  const { selection } = wanted;
  if (selection.by === "map") return new Set(selection.map.map((one) => one.hostAddress));
  const numbers =
    selection.functions ?? rememberedNumbers(wanted, remembered) ?? deviceFunctions(observation, wanted);
  return new Set(numbers.map((n) => pciAddressOf(selection.device, n)));
}

/**
 * The functions to show, with their guest numbers. Where the user named none, those that the device had
 * when it was attached: a later look at the device does not change the set behind the user's back.
 */
function selectFunctions(
  observation: Observation,
  wanted: WantedAttachment,
  known: Pick<RememberedAttachment, "functions"> | undefined,
): FunctionMapping[] {
  const { selection } = wanted;
  const map =
    selection.by === "map"
      ? [...selection.map]
      : defaultFunctionMap(
          (
            selection.functions ??
            rememberedNumbers(wanted, known) ??
            deviceFunctions(observation, wanted)
          ).map((n) => pciAddressOf(selection.device, n)),
        );
  for (const { hostAddress } of map) {
    const one = observation.functions.get(hostAddress);
    if (one === undefined)
      throw fail("FUNCTION_NOT_FOUND", {
        address: hostAddress,
        present: presentFunctions(observation, hostAddress),
      });
    if (one.isBridge) throw fail("FUNCTION_IS_BRIDGE", { address: hostAddress });
    if (one.iommuGroup === undefined) throw fail("FUNCTION_WITHOUT_IOMMU_GROUP", { address: hostAddress });
  }
  return map;
}

function rememberedNumbers(
  wanted: WantedAttachment,
  remembered: Pick<RememberedAttachment, "functions"> | undefined,
): number[] | undefined {
  const { selection } = wanted;
  if (selection.by !== "device" || remembered === undefined) return undefined;
  const shown = remembered.functions.filter(
    (one) => one.guestFunction !== undefined && slotOf(one.address) === selection.device,
  );
  return shown.length === 0 ? undefined : shown.map((one) => functionNumberOf(one.address));
}

function deviceFunctions(observation: Observation, wanted: WantedAttachment): number[] {
  if (wanted.selection.by !== "device") return [];
  const { device } = wanted.selection;
  const found = [...observation.functions.keys()].filter((address) => slotOf(address) === device);
  if (found.length === 0) throw fail("DEVICE_NOT_FOUND", { device });
  return found.map(functionNumberOf).sort((a, b) => a - b);
}

function presentFunctions(observation: Observation, address: PciAddress): PciAddress[] {
  return [...observation.functions.keys()]
    .filter((other) => slotOf(other) === slotOf(address))
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
  wanted: WantedAttachment,
  owned: OwnedPart,
  map: readonly FunctionMapping[],
  members: ReadonlyMap<PciAddress, HostFunction>,
  remembered: RememberedAttachment | undefined,
): PciAddress[] {
  // a group has one user: even a member on vfio-pci is no longer safe once it is held for someone else, whose
  // release would take the group's node from this guest or hand a function back under it
  const foreign =
    observation.guest.runState === "off"
      ? []
      : [...members.keys()].filter((address) => isHeldByOther(observation, owned, address));
  refuseWhatGuestsHold(observation, owned, foreign);
  const leftovers = [...members.values()]
    .filter((one) => !one.isBridge && !map.some((m) => m.hostAddress === one.address))
    .sort((a, b) => compareAddresses(a.address, b.address))
    .map((one) => ({ address: one.address, driver: originalDriver(owned, one, remembered) }))
    .filter((one) => one.driver !== undefined && !isVfioDriver(one.driver));
  if (leftovers.length > 0 && wanted.leftovers === "refuse")
    throw fail("LEFTOVERS_REFUSED", {
      leftovers: leftovers.map((one) => `${one.address} (${one.driver ?? "no driver"})`),
      groups: [...new Set([...members.values()].map((one) => one.iommuGroup ?? -1))],
    });
  return leftovers.map((one) => one.address);
}

function isHeldByOther(observation: Observation, owned: OwnedPart, address: PciAddress): boolean {
  return findOther(observation, owned, address) !== undefined;
}

/** Who else holds a function: a process may have the group open beside its owner. */
function findOther(
  { holdings, guest }: Observation,
  owned: OwnedPart,
  address: PciAddress,
): Holding | undefined {
  return holdings.find(
    (one) =>
      one.address === address && !(one.guest.uuid === guest.uuid && findTagOfAlias(one.alias) === owned.tag),
  );
}

/**
 * The driver to give a function back to. A function that is not held and has no driver of its own any
 * more was lost in a cut-off release: the ledger still knows what it had, or the state does.
 */
function originalDriver(
  owned: OwnedPart,
  one: HostFunction,
  remembered: RememberedAttachment | undefined,
): string | undefined {
  if (owned.held.includes(one.address)) return findHostDriver(owned, one.address, remembered);
  const isUnclear = one.driver === undefined || isVfioDriver(one.driver);
  return (isUnclear ? findHostDriver(owned, one.address, remembered) : undefined) ?? one.driver;
}

function refuseWhatGuestsHold(
  observation: Observation,
  owned: OwnedPart,
  toTake: readonly PciAddress[],
): void {
  for (const address of toTake) {
    const holder = findOther(observation, owned, address);
    if (holder !== undefined)
      throw fail("FUNCTION_HELD_BY_GUEST", { address, guest: holder.guest.name, alias: holder.alias });
  }
}

function refuseWhatTheHostUses(
  observation: Observation,
  wanted: WantedAttachment,
  toTake: readonly PciAddress[],
): void {
  const refused = toTake.flatMap((address) => {
    const uses = usesOf(observation, address).filter((one) => !wanted.allowInUse || one.isThisConnection);
    return uses.length === 0 ? [] : [{ address, uses }];
  });
  if (refused.length === 0) return;
  throw fail("FUNCTION_USED_BY_HOST", {
    uses: refused.map(({ address, uses }) => {
      const driver = observation.functions.get(address)?.driver ?? "no driver";
      return `${address} (${driver}) ${listUses(uses.map((one) => one.use))}`;
    }),
    canOverride: refused.every(({ uses }) => uses.every((one) => !one.isThisConnection)),
  });
}

function usesOf(observation: Observation, address: PciAddress): readonly HostUse[] {
  return observation.hostUses.filter((one) => one.address === address);
}

function ledgerEntry(
  observation: Observation,
  wanted: WantedAttachment,
  owned: OwnedPart,
  slot: GuestSlot,
  map: readonly FunctionMapping[],
  heldOnly: readonly PciAddress[],
  remembered: RememberedAttachment | undefined,
): LedgerEntry {
  const driverOf = (address: PciAddress): { hostDriver?: string } => {
    const one = observation.functions.get(address);
    const hostDriver = one && originalDriver(owned, one, remembered);
    return hostDriver === undefined ? {} : { hostDriver };
  };
  return {
    owner: wanted.ownerToken,
    tag: owned.tag,
    slot,
    functions: [
      ...map.map((one) => ({
        address: one.hostAddress,
        guestFunction: one.guestFunction,
        ...romOptionsOf(one),
        ...driverOf(one.hostAddress),
      })),
      ...heldOnly.map((address) => ({ address, ...driverOf(address) })),
    ].sort((a, b) => compareAddresses(a.address, b.address)),
  };
}

/**
 * Functions that a cut-off release gave back: the ledger names them until their drivers have been seen. Where the ledger has
 * gone, the state names those that wait for theirs.
 */
function releasedEarlier(
  observation: Observation,
  owned: OwnedPart,
  members: ReadonlyMap<PciAddress, HostFunction>,
  remembered: RememberedAttachment | undefined,
): PciAddress[] {
  const known = [...(owned.entry?.functions ?? []), ...findWaiting(observation, owned, remembered)];
  return [...new Set(known.map((one) => one.address))].filter(
    (address) => !members.has(address) && !owned.held.includes(address),
  );
}

/** While functions are still to be released, the ledger goes on naming them and their drivers. */
function withDropped(
  entry: LedgerEntry,
  owned: OwnedPart,
  dropped: readonly PciAddress[],
  remembered: RememberedAttachment | undefined,
): LedgerEntry {
  const extra = dropped.map((address) => {
    const hostDriver = findHostDriver(owned, address, remembered);
    return { address, ...(hostDriver !== undefined && { hostDriver }) };
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
          JSON.stringify([one.address, one.guestFunction, one.hostDriver, one.romFile, one.romBar]),
        )
        .sort(),
    ]);
  const isOther = a?.incarnation !== undefined && a.incarnation !== b.incarnation;
  return a !== undefined && !isOther && key(a) === key(b);
}
