import {
  findOwned,
  findWaiting,
  isNothing,
  pluggedAtBoot,
  type LedgerEntry,
  type Observation,
  type PlugTarget,
  type PriorAttachment,
} from "../plan";
import type { GuestSlot, PciAddress } from "../pci";
import type { GuestEnumeration } from "./ports";

/** What is really there of one attachment, as the state of the resource tells it. */
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
 * Undefined where nothing of the owner is there: no ledger entry, nothing held, nothing plugged, nothing
 * configured, and no function that still waits for its host driver, which counts as held. Of a guest that is shut off its
 * configuration is told, for that is what it has.
 */
export function findActualState(
  observation: Observation,
  ownerToken: string,
  guest: GuestEnumeration,
  prior?: PriorAttachment,
): ActualState | undefined {
  const owned = findOwned(observation, ownerToken);
  const waiting = findWaiting(observation, owned, prior).map((one) => one.hostAddress);
  if (owned === undefined || isNothing(owned))
    return waiting.length === 0
      ? undefined
      : composeActualState(observation, { plugged: [], held: waiting }, prior, guest);
  const isOff = observation.guest.runState === "off";
  const plugged = isOff ? pluggedAtBoot(owned) : owned.plugged;
  // without libvirt, functions stay held when their guest ends
  const configured = isOff ? owned.configured.map((one) => one.hostAddress) : [];
  const held = [...new Set([...owned.held, ...configured, ...waiting])];
  const [first] = plugged;
  const bus = observation.buses.find((candidate) => candidate.bus === first?.bus);
  const slot: GuestSlot | undefined =
    first !== undefined && bus?.hotplug.possible
      ? { bus: first.bus, slot: first.slot, kind: bus.hotplug.kind }
      : owned.entry?.slot;
  return composeActualState(
    observation,
    { plugged, held, ...(slot && { slot }) },
    knownOf(owned.entry, prior),
    guest,
  );
}

/** What entry and state know together; an entry that has lost its incarnation gets the state's back with the next write. */
function knownOf(entry: LedgerEntry | undefined, prior: PriorAttachment | undefined): PriorAttachment {
  const incarnation = entry?.incarnation ?? prior?.incarnation;
  return {
    ...prior,
    functions: [...(entry?.functions ?? []), ...(prior?.functions ?? [])],
    ...(incarnation !== undefined && { incarnation }),
  };
}

/** @param known tells the drivers that the functions had on the host. */
export function composeActualState(
  observation: Observation,
  there: {
    readonly slot?: GuestSlot;
    readonly plugged: readonly PlugTarget[];
    readonly held: readonly PciAddress[];
  },
  known: Pick<PriorAttachment, "functions" | "guestUuid" | "incarnation"> | undefined,
  guest: GuestEnumeration,
): ActualState {
  const heldPart = (hostAddress: PciAddress): HeldFunction => {
    const one = observation.functions.get(hostAddress);
    const hostDriver = known?.functions.find((f) => f.hostAddress === hostAddress)?.hostDriver;
    return {
      hostAddress,
      ...(hostDriver !== undefined && { hostDriver }),
      ...(one?.iommuGroup !== undefined && { iommuGroup: one.iommuGroup }),
    };
  };
  const { hostKeyFingerprint } = observation;
  return {
    ...(known?.incarnation !== undefined && { incarnation: known.incarnation }),
    hostUuid: observation.hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    guestUuid: observation.guest.uuid || (known?.guestUuid ?? ""),
    guest,
    ...(there.slot && { slot: there.slot }),
    attached: there.plugged.map(({ hostAddress, guestFunction, qemuId }) => {
      const one = observation.functions.get(hostAddress);
      return {
        ...heldPart(hostAddress),
        guestFunction,
        qemuId,
        vendorId: one?.vendorId ?? "",
        productId: one?.productId ?? "",
      };
    }),
    held: there.held
      .filter((hostAddress) => !there.plugged.some((one) => one.hostAddress === hostAddress))
      .map(heldPart),
  };
}
