import { romOptionsOf, type FunctionMapping } from "../pci";
import {
  findTagOfAlias,
  findTagOfQemuId,
  isSteppingStone,
  planAttach,
  planDetach,
  type ConfiguredFunction,
  type DesiredAttachment,
  type LedgerEntry,
  type Observation,
  type Plan,
  type PriorAttachment,
} from "../plan";

/** What {@link planBack} plans from. */
export interface BackRequest {
  /** What was there before the operation. */
  readonly before: Observation;
  /** The plan that failed. */
  readonly failed: Plan;
  /** What is there now. */
  readonly now: Observation;
  readonly desired: Pick<DesiredAttachment, "ownerToken" | "allowInUse">;
  readonly prior: PriorAttachment | undefined;
}

/**
 * Back to the whole set that was plugged before, also one that was only being adopted, and to the
 * configuration if it was persistent; to nothing if there was none.
 */
export function planBack({ before, failed, now, desired, prior }: BackRequest): Plan {
  const { ownerToken, allowInUse } = desired;
  const tag = failed.target?.entry.tag;
  const configured = (before.configuration?.functions ?? []).filter(
    (one) => findTagOfAlias(one.alias) === tag,
  );
  const persistent = configured.some((one) => one.guestAddress !== undefined);
  const earlier = earlierSet(before, tag, configured);
  const first = earlier.find((one) => one.guestFunction === 0);
  const isRunning = now.guest.runState === "running" || now.guest.runState === "paused";
  const hasItAtBoot = now.guest.runState === "off" && persistent;
  if (first === undefined || !(isRunning || hasItAtBoot)) return planDetach(now, ownerToken, prior);
  const map = earlier.map((one) => ({
    hostAddress: one.hostAddress,
    guestFunction: one.guestFunction,
    ...romOptionsOf(one),
  }));
  const entry = entryBefore(before, tag);
  const known = hasItAtBoot && entry ? { functions: [], ...prior, slot: entry.slot } : prior;
  const goal: DesiredAttachment = {
    ownerToken,
    selection: { by: "map", map },
    guestSlot: { bus: first.bus, slot: first.slot },
    leftovers: "hold",
    adopt: false,
    // what was held all the time is not taken anew; what the host has got back and uses is the host's
    allowInUse,
    persistent,
    goesBack: true,
  };
  return planAttach(now, goal, known);
}

/** What was plugged, without a stepping stone. If the guest was shut off: what its configuration had. */
function earlierSet(
  before: Observation,
  tag: string | undefined,
  configured: readonly ConfiguredFunction[],
): (FunctionMapping & { readonly bus: string; readonly slot: number })[] {
  if (before.guest.runState !== "off") {
    const entry = entryBefore(before, tag);
    return before.plugged.filter(
      (one) => findTagOfQemuId(one.qemuId) === tag && !isSteppingStone(before, entry, one),
    );
  }
  return configured.flatMap((one) =>
    one.guestAddress ? [{ ...one.guestAddress, ...romOptionsOf(one), hostAddress: one.hostAddress }] : [],
  );
}

/** The ledger entry that stood before, of whichever owner. */
function entryBefore(before: Observation, tag: string | undefined): LedgerEntry | undefined {
  const entries = [...before.ledger.map((line) => line.entry), ...(before.configuration?.ledger ?? [])];
  return entries.find((one) => one.tag === tag);
}
