import { isVfioNode, type FunctionFact, type FunctionFacts, type OpenNode } from "../facts";
import type { HostNote } from "./host-notes";
import type { HostUse } from "./host-use";

/**
 * What programs of the host use functions for, by what they have open. A function that is on a driver of
 * VFIO's is a guest's, or some program's that is told of as one.
 */
export function findFunctionUses({ functions }: FunctionFacts): HostUse[] {
  return [...functions.values()].flatMap(usesOf);
}

function usesOf({ hostAddress, open, moduleUse }: FunctionFact): HostUse[] {
  const traits = { hostAddress, isThisConnection: false } as const;
  const waitedFor = open.filter((one) => one.isWaitedFor);
  const others = open.filter((one) => !one.isWaitedFor && !isVfioNode(one.node));
  const openUse = (nodes: readonly OpenNode[], isWaitedFor: boolean): HostUse[] =>
    nodes.length === 0
      ? []
      : [{ ...traits, kind: "open", nodes, ...(isWaitedFor && { blocksUnbind: true as const }) }];
  return [
    ...openUse(waitedFor, true),
    ...openUse(others, false),
    ...(moduleUse === undefined
      ? []
      : [
          {
            ...traits,
            kind: "module-in-use" as const,
            ...moduleUse,
            ...(moduleUse.isWaitedFor && { blocksUnbind: true as const }),
          },
        ]),
  ];
}

/** What of functions was not seen, where there may be something to see. */
export function findFunctionNotes(facts: FunctionFacts): HostNote[] {
  const { functions, seen } = facts;
  const withNodes = [...functions.values()].filter((one) => one.hasNodes).map((one) => one.hostAddress);
  if (withNodes.length === 0 || seen === "all") return [];
  return [{ kind: "unseen-openers", seen, hostAddresses: withNodes }];
}
