import { isDeepStrictEqual } from "node:util";

/** Something that is not as it has to be. */
export interface Violation {
  readonly what: string;
  readonly found: unknown;
  readonly desired: unknown;
}

/**
 * Collects what is not as it has to be, for one `expect(violations.all).toEqual([])` at the end: an `expect`
 * costs as much as a plan, and a property asks thousands of times.
 */
export class Violations {
  readonly all: Violation[] = [];

  /** These two are to be equal; properties that are undefined are no difference, as with `toEqual`. */
  equal(what: string, found: unknown, desired: unknown): void {
    if (isDeepStrictEqual(found, desired)) return;
    if (isDeepStrictEqual(withoutUndefined(found), withoutUndefined(desired))) return;
    this.all.push({ what, found, desired });
  }

  /** This is to be so. */
  holds(what: string, isSo: boolean): void {
    if (!isSo) this.all.push({ what, found: false, desired: true });
  }

  /** This is not to throw. */
  passes(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.all.push({ what, found: error, desired: undefined });
    }
  }
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(kept.map(([key, one]) => [key, withoutUndefined(one)]));
}
