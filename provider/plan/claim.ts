import type { PciAddress } from "../pci";
import { listFunctions } from "./list-functions";
import type { Incarnation, LedgerEntry } from "./ledger-entry";
import type { Observation, OwnedResources } from "./observation";
import { isSteppingStone } from "./stepping-stone";
import type { PriorAttachment, DesiredAttachment } from "./desired";

/**
 * Whether an entry is of another state than the one that asks, though both have the same owner token: two
 * stacks of the same name, or two resources that an earlier release gave the same token.
 *
 * An entry without incarnation is of whoever has the token, unless the state remembers functions and the
 * entry has none of them. One with an incarnation is of the state with the same.
 *
 * @param also functions that the operation names beside those that the state remembers
 */
export function isAnothersEntry(
  entry: LedgerEntry | undefined,
  prior: PriorAttachment,
  also: ReadonlySet<PciAddress> = new Set(),
): boolean {
  return hasOtherIncarnation(entry, prior) || isTwins(entry, prior, also);
}

/** Whether an entry has an incarnation that is not the state's. */
export function hasOtherIncarnation(
  entry: LedgerEntry | undefined,
  { incarnation }: Pick<PriorAttachment, "incarnation">,
): boolean {
  return entry?.incarnation !== undefined && entry.incarnation !== incarnation;
}

/** Told apart by the functions alone: neither has an incarnation. */
function isTwins(
  entry: LedgerEntry | undefined,
  prior: PriorAttachment,
  also: ReadonlySet<PciAddress>,
): boolean {
  if (entry === undefined || entry.incarnation !== undefined || entry.functions.length === 0) return false;
  if (prior.incarnation !== undefined || prior.functions.length === 0) return false;
  return !entry.functions.some(
    ({ hostAddress }) =>
      also.has(hostAddress) || prior.functions.some((one) => one.hostAddress === hostAddress),
  );
}

/**
 * Why a delete leaves what is there, in a line that says what that is; undefined if nothing stands in its
 * way.
 *
 * @returns e.g. `left alone: 0000:01:00.0-3 in guest guest1 …`
 */
export function whyLeft(
  { guest }: Observation,
  owned: OwnedResources | undefined,
  prior: PriorAttachment,
): string | undefined {
  const entry = owned?.entry;
  if (entry === undefined || !hasOtherIncarnation(entry, prior)) return undefined;
  const what = listFunctions(entry.functions.map((one) => one.hostAddress));
  const since = entry.since === undefined ? "" : `, since ${entry.since}`;
  return (
    `left alone: ${what} in guest ${guest.name} stays. What stands there under the same owner token is not what this ` +
    `state made: another create has made it or taken it over${since}`
  );
}

/**
 * Whether the guest sees something of it: its function 0 is there, without which it sees none of the others.
 * A stepping stone is none of it.
 */
export function isVisible(observation: Observation, { plugged, entry }: OwnedResources): boolean {
  return plugged.some((one) => one.guestFunction === 0 && !isSteppingStone(observation, entry, one));
}

/**
 * Which incarnation stands in the ledger afterwards: a new one of what is made or taken over; of what a crash
 * left of a create, the one that it had. Otherwise the state's, and none of a state that has none: a crash
 * between the ledger and the state would shut that state out.
 */
export function incarnationFor(
  { fresh }: DesiredAttachment,
  { entry }: OwnedResources,
  isTaken: boolean,
  prior: PriorAttachment | undefined,
): Partial<Incarnation> {
  const isResumed = prior === undefined && !isTaken && entry?.incarnation !== undefined;
  if (isTaken || (prior === undefined && !isResumed)) return fresh ?? {};
  const incarnation = isResumed ? entry.incarnation : prior?.incarnation;
  if (incarnation === undefined) return {};
  const since = entry === undefined ? fresh?.since : entry.since;
  return { incarnation, ...(since !== undefined && { since }) };
}
