import type { ObservationQuery } from "../apply";
import { findBeneath, findHostDevices, type HostFacts } from "../host/facts";
import {
  findFunctionNotes,
  findFunctionUses,
  findHostNotes,
  findHostUses,
  findWayThroughGuest,
} from "../host/uses";
import type { Observation } from "../plan";
import { readFunctionFacts, type ReadFunctionFacts } from "./read-function-facts";

/** The part of an observation that the facts of the host tell. */
export type ObservedHost = Pick<
  Observation,
  | "architecture"
  | "kernelRelease"
  | "hostUses"
  | "hostDevices"
  | "beneath"
  | "hostNotes"
  | "functionFacts"
  | "wayThroughGuest"
>;

/** How what the host itself needs is read. */
export interface HostReadings {
  readonly readHostFacts: () => Promise<HostFacts | undefined>;
  /** Names that the guest's interfaces have on the host; undefined where nobody tells. */
  readonly guestInterfaces: () => Promise<readonly string[] | undefined>;
  /** Default: what there is to know of the functions themselves is not asked. */
  readonly readFunctionFacts?: ReadFunctionFacts | undefined;
}

/**
 * Looks what the host has its functions for, and whether this connection goes through the guest; nothing is
 * asked where no function is to be taken, and none to be unplugged.
 */
export async function readHostUses(
  query: ObservationQuery,
  readings: HostReadings,
  signal: AbortSignal,
): Promise<ObservedHost> {
  const { readHostFacts, guestInterfaces, readFunctionFacts: read } = readings;
  if (query.forPlug === undefined)
    return {
      hostUses: [],
      ...(query.forUnplug === true && (await lookForWay(readHostFacts, guestInterfaces))),
    };
  const [found, names, functions] = await Promise.all([
    readHostFacts(),
    guestInterfaces(),
    read && readFunctionFacts(query, read, signal),
  ]);
  if (found === undefined) throw new Error("what the host uses was not looked at");
  const { architecture, kernelRelease } = found;
  const functionFacts = functions === undefined || "unseen" in functions ? undefined : functions;
  const unseen = functions !== undefined && "unseen" in functions ? [functions.unseen] : [];
  return {
    hostUses: [...findHostUses(found), ...(functionFacts ? findFunctionUses(functionFacts) : [])],
    ...wayOf(found, names),
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

type Way = Pick<Observation, "wayThroughGuest">;

function wayOf(facts: HostFacts, names: readonly string[] | undefined): Way {
  if (names === undefined) return { wayThroughGuest: { certainty: "unknown", interfaces: [] } };
  const wayThroughGuest = findWayThroughGuest(facts, names);
  return wayThroughGuest === undefined ? {} : { wayThroughGuest };
}

/** What gives functions back goes on where the host cannot be looked at for this. */
async function lookForWay(
  readHostFacts: HostReadings["readHostFacts"],
  guestInterfaces: HostReadings["guestInterfaces"],
): Promise<Way> {
  const names = await guestInterfaces();
  // a guest without an interface on the host carries nothing
  if (names?.length === 0) return {};
  const facts = await readHostFacts().catch(() => undefined);
  return facts === undefined
    ? { wayThroughGuest: { certainty: "unknown", interfaces: [] } }
    : wayOf(facts, names);
}
