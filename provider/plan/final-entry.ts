import {
  compareAddresses,
  romOptionsOf,
  type FunctionMapping,
  type GuestSlot,
  type PciAddress,
} from "../pci";
import type { ChosenSlot } from "./chosen-slot";
import { incarnationFor } from "./claim";
import { originalDriver, originalOverride, withHostDrivers } from "./host-driver";
import { aliasOf, qemuIdOf } from "./identifiers";
import type { LedgerEntry, LedgerFunction } from "./ledger-entry";
import { configurationOf, planConfiguration, type ConfigurationStep } from "./plan-configuration";
import type { PlugTarget } from "./step";

/** What a plan ends in. */
export interface Outcome {
  readonly slot: GuestSlot;
  readonly targets: readonly PlugTarget[];
  /** The ledger entry that stands in the end. */
  readonly entry: LedgerEntry;
  /** The one that stands until what is given up is back: it names that too. */
  readonly interimEntry: LedgerEntry;
  readonly configurationSteps: readonly ConfigurationStep[];
}

/** What a plan ends in; undefined where no slot was found. */
export function outcomeOf(chosen: ChosenSlot): Outcome | undefined {
  const { slot } = chosen.slotChoice;
  if (slot === undefined) return undefined;
  const entry = finalEntry(chosen, slot);
  return {
    slot,
    targets: targetsOf(chosen),
    entry,
    interimEntry: {
      ...entry,
      functions: [...entry.functions, ...withHostDrivers(chosen.owned, chosen.givenUp, chosen.prior)],
    },
    configurationSteps: planConfiguration(
      chosen.owned,
      chosen.desired.persistent ? configurationOf(entry) : [],
    ),
  };
}

/**
 * Whether two entries say the same. One that has lost its incarnation does: it gets it back with the next
 * write.
 */
export function isSameEntry(a: LedgerEntry | undefined, b: LedgerEntry): boolean {
  const key = (entry: LedgerEntry): string =>
    JSON.stringify([
      entry.owner,
      entry.tag,
      entry.slot.bus,
      entry.slot.slot,
      entry.functions
        .map((one) =>
          JSON.stringify([
            one.hostAddress,
            one.guestFunction,
            one.hostDriver,
            one.driverOverride,
            one.romFile,
            one.romBar,
          ]),
        )
        .sort(),
    ]);
  const isOther = a?.incarnation !== undefined && a.incarnation !== b.incarnation;
  return a !== undefined && !isOther && key(a) === key(b);
}

function finalEntry(chosen: ChosenSlot, slot: GuestSlot): LedgerEntry {
  const { observation, desired, owned, map, heldOnly, prior, claim, takesOver } = chosen;
  const driverOf = (hostAddress: PciAddress): Pick<LedgerFunction, "hostDriver" | "driverOverride"> => {
    const one = observation.functions.get(hostAddress);
    const hostDriver = one && originalDriver(owned, one, prior);
    const driverOverride = one && originalOverride(owned, one);
    return {
      ...(hostDriver !== undefined && { hostDriver }),
      ...(driverOverride !== undefined && { driverOverride }),
    };
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
    ...incarnationFor(desired, owned, claim.isTaken || takesOver, prior),
  };
}

function targetsOf(chosen: ChosenSlot): PlugTarget[] {
  return [...chosen.map]
    .sort((a, b) => a.guestFunction - b.guestFunction)
    .map((one) => ({ ...one, qemuId: targetId(chosen, one) }));
}

/** The id of a function that stays is the one it has: what libvirt plugs bears its alias. */
function targetId({ owned, isOff, isPlugged, single }: ChosenSlot, one: FunctionMapping): string {
  if (isOff || one === single) return aliasOf(owned.tag, one.hostAddress);
  const present = owned.plugged.find((other) => other.hostAddress === one.hostAddress);
  return (isPlugged ? present?.qemuId : undefined) ?? qemuIdOf(owned.tag, one.guestFunction, one);
}
