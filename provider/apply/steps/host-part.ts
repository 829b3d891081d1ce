import type { Host } from "../ports";

/**
 * The part of a host that a step needs.
 *
 * @throws an internal error if the host does not have it: an observation says what is possible, so no plan
 *   asks for it
 */
export function hostPart<K extends "singles" | "steppingStones" | "configuration">(
  host: Host,
  part: K,
): NonNullable<Host[K]> {
  const found = host[part];
  if (found === undefined) throw new Error(`the plan needs "${part}", which this host does not have`);
  return found;
}
