import type { Random } from "../support/random";

/** What an attachment shows to the guest; functions that are not shown are held. */
export interface SoakSet {
  readonly functions: readonly number[];
  /** The bus that the program names; undefined where it leaves the choice. */
  readonly bus?: string;
}

/**
 * In which guest an operation begins. `paused`: paused, and resumed afterwards, which keeps no attach from
 * completing; `resumed`: paused, and resumed from outside while the operation waits for it; `deadline`:
 * paused until the operation has given up, then resumed, and the operation run again; `reset`: paused, and
 * reset and resumed from outside while the operation waits for it.
 */
export type Circumstance =
  | { readonly guest: "runs" | "paused" | "deadline" }
  | { readonly guest: "resumed" | "reset"; readonly afterMs: number };

/** One step of the walk. */
export type Cycle =
  | { readonly kind: "create" | "change" | "move"; readonly to: SoakSet; readonly under: Circumstance }
  | { readonly kind: "destroy"; readonly under: Circumstance }
  | { readonly kind: "refresh" }
  /** `booted`: the next cycle begins when the guest has booted again; else at once. */
  | { readonly kind: "reset"; readonly booted: boolean };

/** What a cycle begins with. */
export interface Standing {
  /** Undefined where nothing is attached. */
  readonly set: SoakSet | undefined;
  /** Reset a moment ago, and not waited for. */
  readonly isBooting: boolean;
}

/** How often what is chosen, in relation to the others; 0 for never. */
export interface Weights {
  readonly kinds: Readonly<Record<Cycle["kind"], number>>;
  /** Of a guest in which something is unplugged; one that is plugged into runs or is paused. */
  readonly guests: Readonly<Record<"runs" | "resumed" | "deadline" | "reset", number>>;
}

export const NOWHERE: Standing = { set: undefined, isBooting: false };

const functionSets = [
  [0, 1, 2, 3],
  [0, 2],
  [1, 3],
];
/** Of the attachments that are made. */
const PAUSED_SHARE = 0.2;
const BOOTED_SHARE = 0.6;
/** So long the guest stays paused while an operation waits for it. */
const WAITING_MS = { least: 200, most: 3000 };

/**
 * The next step from here. Everything random is in it: the same numbers make the same walk.
 *
 * @param buses that a move may name; the last is where an attachment stands whose program names none
 */
export function nextCycle(
  random: Random,
  { set, isBooting }: Standing,
  weights: Weights,
  buses: readonly string[],
): Cycle {
  const kinds: Partial<Record<Cycle["kind"], number>> =
    set === undefined
      ? { create: weights.kinds.create, reset: weights.kinds.reset / 2 }
      : { ...weights.kinds, create: 0 };
  const kind = pick(random, kinds);
  const waitingMs = (): number =>
    Math.round(WAITING_MS.least + random() * (WAITING_MS.most - WAITING_MS.least));
  /** A guest that boots is circumstance enough. */
  const unplugging = (): Circumstance => {
    const guest = isBooting ? "runs" : pick(random, weights.guests);
    return guest === "resumed" || guest === "reset" ? { guest, afterMs: waitingMs() } : { guest };
  };
  const plugging = (): Circumstance => ({ guest: !isBooting && random() < PAUSED_SHARE ? "paused" : "runs" });
  switch (kind) {
    case "create":
      return { kind, to: { functions: among(random, functionSets) }, under: plugging() };
    case "change": {
      const others = functionSets.filter((one) => String(one) !== String(set?.functions));
      return { kind, to: { ...set, functions: among(random, others) }, under: unplugging() };
    }
    case "move": {
      const from = set?.bus ?? buses.at(-1);
      const bus = among(
        random,
        buses.filter((one) => one !== from),
      );
      return { kind, to: { functions: set?.functions ?? [], bus }, under: unplugging() };
    }
    case "destroy":
      return { kind, under: unplugging() };
    case "refresh":
      return { kind };
    case "reset":
      return { kind, booted: random() < BOOTED_SHARE };
  }
}

/** What stands where the cycle has ended as it should. */
export function standingAfter({ set }: Standing, cycle: Cycle): Standing {
  switch (cycle.kind) {
    case "create":
    case "change":
    case "move":
      return { set: cycle.to, isBooting: false };
    case "destroy":
      return NOWHERE;
    case "refresh":
      return { set, isBooting: false };
    case "reset":
      return { set, isBooting: !cycle.booted };
  }
}

/** A cycle in words, for the log of a walk. */
export function describeCycle(cycle: Cycle): string {
  switch (cycle.kind) {
    case "create":
    case "change":
    case "move":
      return `${cycle.kind} ${cycle.to.functions.join()} at ${cycle.to.bus ?? "any slot"}${describe(cycle.under)}`;
    case "destroy":
      return `destroy${describe(cycle.under)}`;
    case "refresh":
      return "refresh";
    case "reset":
      return cycle.booted ? "reset" : "reset, not waited for";
  }
}

function describe(under: Circumstance): string {
  switch (under.guest) {
    case "runs":
      return "";
    case "paused":
      return ", guest paused";
    case "resumed":
      return `, guest paused, resumed after ${under.afterMs} ms`;
    case "reset":
      return `, guest paused, reset and resumed after ${under.afterMs} ms`;
    case "deadline":
      return ", guest paused until the deadline";
  }
}

function among<T>(random: Random, all: readonly T[]): T {
  const one = all[Math.floor(random() * all.length)];
  if (one === undefined) throw new RangeError("nothing to choose from");
  return one;
}

function pick<K extends string>(random: Random, weights: Readonly<Partial<Record<K, number>>>): K {
  const entries = Object.entries(weights) as [K, number][];
  let left = random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [key, weight] of entries) {
    if (left < weight) return key;
    left -= weight;
  }
  throw new RangeError("every weight is 0");
}
