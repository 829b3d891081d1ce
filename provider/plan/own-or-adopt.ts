import type { PciAddress } from "../pci";
import { isAnothersEntry } from "./claim";
import { tagOf } from "./identifiers";
import type { GuestIdentity, LedgerEntry } from "./ledger-entry";
import type { Observation, OwnedResources } from "./observation";
import { entriesOf, findOwned } from "./owned";
import type { PlanRequest } from "./plan-request";

/** An entry of the ledger, and the guest that it is about. */
export interface LedgerLine {
  readonly guest: GuestIdentity;
  readonly entry: LedgerEntry;
}

/** What an attachment starts from, and who else has a claim to the functions that it names. */
export interface Claim {
  /** The functions that the program names. */
  readonly named: ReadonlySet<PciAddress>;
  /** What stands under the owner token; undefined if another owner has adopted it. */
  readonly own: OwnedResources | undefined;
  /** The entry of another owner that has some of the named functions. */
  readonly rival: LedgerLine | undefined;
  /** Whether `adopt` takes the rival's over: it is in this guest, and this owner has nothing of its own. */
  readonly canAdopt: boolean;
  /** What the plan starts from: the rival's if it is adopted, else what is this owner's. */
  readonly owned: OwnedResources;
  /** Whether it is another's, and is taken over because `adopt` asks for it. */
  readonly isTaken: boolean;
}

/** Finds what an attachment owns, or adopts. Whether it may is asked by the checks of the ownership. */
export function claimOf(request: PlanRequest, named: ReadonlySet<PciAddress>): Claim {
  const { observation, desired, prior } = request;
  const own = findOwned(observation, desired.ownerToken);
  const rival = othersLines(request).find(({ entry }) =>
    entry.functions.some((one) => named.has(one.hostAddress)),
  );
  const isHere = rival !== undefined && rival.guest.uuid === observation.guest.uuid;
  const canAdopt = isHere && !hasDevices(own);
  const adopted = desired.adopt && canAdopt ? ownedBy(observation, rival.entry.owner) : undefined;
  return {
    named,
    own,
    rival,
    canAdopt,
    owned: adopted ?? own ?? nothingOf(desired.ownerToken),
    isTaken: adopted !== undefined || (prior !== undefined && isAnothersEntry(own?.entry, prior, named)),
  };
}

/** The entries of other owners: those of this guest first, each owner's once, then those of other guests. */
export function othersLines({ observation, desired }: PlanRequest): LedgerLine[] {
  const { guest, ledger } = observation;
  const here = entriesOf(observation).map((entry) => ({ guest, entry }));
  const elsewhere = ledger.filter((line) => line.guest.uuid !== guest.uuid);
  return [...here, ...elsewhere].filter(({ entry }) => entry.owner !== desired.ownerToken);
}

function hasDevices(own: OwnedResources | undefined): boolean {
  return own !== undefined && [own.held, own.plugged, own.configured].some((some) => some.length > 0);
}

function ownedBy(observation: Observation, owner: string): OwnedResources {
  const theirs = findOwned(observation, owner);
  if (theirs === undefined) throw new Error("a ledger entry owns nothing");
  return theirs;
}

function nothingOf(ownerToken: string): OwnedResources {
  return { tag: tagOf(ownerToken), plugged: [], held: [], pluggedByLibvirt: [], configured: [] };
}
