import type { ObservationQuery } from "../apply";
import { findBeneath, findHostDevices, type HostFacts } from "../host/facts";
import { findHostNotes, findHostUses } from "../host/uses";
import type { Observation } from "../plan";

/** What of an observation the facts of the host tell. */
export type HostPart = Pick<
  Observation,
  "architecture" | "kernelRelease" | "hostUses" | "hostDevices" | "beneath" | "hostNotes"
>;

/**
 * What of an observation tells what the host has its functions for; nothing is asked where none is to be
 * taken.
 */
export async function readHostUses(
  query: ObservationQuery,
  readHostFacts: () => Promise<HostFacts | undefined>,
): Promise<HostPart> {
  if (query.forPlug === undefined) return { hostUses: [] };
  const found = await readHostFacts();
  if (found === undefined) throw new Error("what the host uses was not looked at");
  const { architecture, kernelRelease } = found;
  return {
    hostUses: findHostUses(found),
    hostDevices: findHostDevices(found),
    beneath: findBeneath(found.beneath),
    hostNotes: findHostNotes(found),
    ...(architecture !== undefined && { architecture }),
    ...(kernelRelease !== undefined && { kernelRelease }),
  };
}
