import { randomBytes } from "node:crypto";
import type { Incarnation } from "../plan";

/** A new one, for an operation that is about to make or to take over something. */
export function newIncarnation(): Incarnation {
  return {
    incarnation: randomBytes(16).toString("hex"),
    since: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
  };
}
