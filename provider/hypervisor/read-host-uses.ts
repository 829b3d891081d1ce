import type { ObservationQuery } from "../apply";
import { findBeneath, findHostDevices, type HostFacts } from "../host/facts";
import { findFunctionNotes, findFunctionUses, findHostNotes, findHostUses } from "../host/uses";
import type { Observation } from "../plan";
import { readFunctionFacts, type ReadFunctionFacts } from "./read-function-facts";

/** What a {@link readHostUses} asks. */
export interface HostUseReaders {
  readonly readHostFacts: () => Promise<HostFacts | undefined>;
  /** Default: what there is to know of the functions themselves is not asked. */
  readonly readFunctionFacts?: ReadFunctionFacts | undefined;
}

/** The part of an observation that tells what the host has its functions for. */
export type SeenHostUses = Pick<
  Observation,
  "architecture" | "kernelRelease" | "hostUses" | "hostDevices" | "beneath" | "hostNotes" | "functionFacts"
>;

/** Looks what the host has its functions for; nothing is asked where none is to be taken. */
export async function readHostUses(
  query: ObservationQuery,
  readers: HostUseReaders,
  signal: AbortSignal,
): Promise<SeenHostUses> {
  if (query.forPlug === undefined) return { hostUses: [] };
  const { readFunctionFacts: read } = readers;
  const [found, functions] = await Promise.all([
    readers.readHostFacts(),
    read && readFunctionFacts(query, read, signal),
  ]);
  if (found === undefined) throw new Error("what the host uses was not looked at");
  const { architecture, kernelRelease } = found;
  const functionFacts = functions === undefined || "unseen" in functions ? undefined : functions;
  const unseen = functions !== undefined && "unseen" in functions ? [functions.unseen] : [];
  return {
    hostUses: [...findHostUses(found), ...(functionFacts ? findFunctionUses(functionFacts) : [])],
    hostDevices: findHostDevices(found),
    beneath: findBeneath(found.beneath),
    hostNotes: [
      ...findHostNotes(found),
      ...(functionFacts ? findFunctionNotes(functionFacts) : []),
      ...unseen.map((reason) => ({ kind: "unseen-functions" as const, reason })),
    ],
    ...(functionFacts && { functionFacts }),
    ...(architecture !== undefined && { architecture }),
    ...(kernelRelease !== undefined && { kernelRelease }),
  };
}
