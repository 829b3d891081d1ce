import {
  findOwned,
  findWaiting,
  isNothing,
  pluggedAtBoot,
  standingSlot,
  type LedgerEntry,
  type Observation,
  type PlugTarget,
  type PriorAttachment,
} from "../plan";
import type { GuestSlot, PciAddress } from "../pci";
import type { GuestEnumeration } from "./ports";

/** What an attachment has on the host and in the guest now, as the state of the resource tells it. */
export interface ActualState {
  readonly hostUuid: string;
  /** See Observation. */
  readonly hostKeyFingerprint?: string;
  readonly guestUuid: string;
  readonly slot?: GuestSlot;
  readonly guest: GuestEnumeration;
  readonly attached: readonly AttachedFunction[];
  readonly held: readonly HeldFunction[];
  /** See LedgerEntry; where the entry has lost it, the state's. */
  readonly incarnation?: string;
}

/** A function that the guest has. */
export interface AttachedFunction extends HeldFunction {
  readonly guestFunction: number;
  readonly qemuId: string;
  readonly vendorId: string;
  readonly productId: string;
}

/** A function that is held for the guest. */
export interface HeldFunction {
  readonly hostAddress: PciAddress;
  /** Driver it goes back to; undefined if it had none. */
  readonly hostDriver?: string;
  readonly iommuGroup?: number;
}

/**
 * Undefined if nothing of the owner is there: no ledger entry, nothing held, nothing plugged, nothing
 * configured, and no function that still waits for its host driver, which counts as held. If the guest is
 * shut off, what its configuration has counts as attached.
 */
export function findActualState(
  observation: Observation,
  of: { readonly ownerToken: string; readonly prior?: PriorAttachment | undefined },
  guest: GuestEnumeration,
): ActualState | undefined {
  const { ownerToken, prior } = of;
  const owned = findOwned(observation, ownerToken);
  const waiting = findWaiting(observation, owned, prior).map((one) => one.hostAddress);
  if (owned === undefined || isNothing(owned))
    return waiting.length === 0
      ? undefined
      : composeActualState(observation, { plugged: [], held: waiting, guest }, prior);
  const isOff = observation.guest.runState === "off";
  const plugged = isOff ? pluggedAtBoot(owned) : owned.plugged;
  // without libvirt, functions stay held when their guest ends
  const configured = isOff ? owned.configured.map((one) => one.hostAddress) : [];
  const held = [...new Set([...owned.held, ...configured, ...waiting])];
  const [first] = plugged;
  const slot =
    (first && standingSlot(observation, first, [prior?.slot, owned.entry?.slot])) ?? owned.entry?.slot;
  const there = { plugged, held, guest, ...(slot && { slot }) };
  return composeActualState(observation, there, knownOf(owned.entry, prior));
}

/**
 * What entry and state know together; an entry that has lost its incarnation gets the state's back with the
 * next write.
 */
function knownOf(entry: LedgerEntry | undefined, prior: PriorAttachment | undefined): PriorAttachment {
  const incarnation = entry?.incarnation ?? prior?.incarnation;
  return {
    ...prior,
    functions: [...(entry?.functions ?? []), ...(prior?.functions ?? [])],
    ...(incarnation !== undefined && { incarnation }),
  };
}

/** What there is of an attachment. */
export interface FoundParts {
  readonly slot?: GuestSlot;
  readonly plugged: readonly PlugTarget[];
  readonly held: readonly PciAddress[];
  readonly guest: GuestEnumeration;
}

/** @param known tells the drivers that the functions had on the host */
export function composeActualState(
  observation: Observation,
  { slot, plugged, held, guest }: FoundParts,
  known: Pick<PriorAttachment, "functions" | "guestUuid" | "incarnation"> | undefined,
): ActualState {
  const heldPart = (hostAddress: PciAddress): HeldFunction => {
    const iommuGroup = observation.functions.get(hostAddress)?.iommuGroup;
    const hostDriver = known?.functions.find((one) => one.hostAddress === hostAddress)?.hostDriver;
    return {
      hostAddress,
      ...(hostDriver !== undefined && { hostDriver }),
      ...(iommuGroup !== undefined && { iommuGroup }),
    };
  };
  const attachedPart = ({ hostAddress, guestFunction, qemuId }: PlugTarget): AttachedFunction => {
    const { vendorId = "", productId = "" } = observation.functions.get(hostAddress) ?? {};
    return { ...heldPart(hostAddress), guestFunction, qemuId, vendorId, productId };
  };
  const isPlugged = (hostAddress: PciAddress): boolean =>
    plugged.some((one) => one.hostAddress === hostAddress);
  const { hostKeyFingerprint } = observation;
  return {
    ...(known?.incarnation !== undefined && { incarnation: known.incarnation }),
    hostUuid: observation.hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    guestUuid: observation.guest.uuid || (known?.guestUuid ?? ""),
    guest,
    ...(slot && { slot }),
    attached: plugged.map(attachedPart),
    held: held.filter((hostAddress) => !isPlugged(hostAddress)).map(heldPart),
  };
}
