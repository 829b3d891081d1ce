import { now } from "../async/clock";
import { randomHex } from "../async/random";
import type { Incarnation } from "../plan";

/** A new one, for an operation that is about to make or to take over something. */
export function newIncarnation(): Incarnation {
  return {
    incarnation: randomHex(16),
    since: new Date(now()).toISOString().replace(/\.\d+Z$/, "Z"),
  };
}
