import type { HostFacts } from "../facts";
import { defaultRouteUses } from "./default-routes";
import { diskUses } from "./disk-uses";
import { hiddenInterfaceUses } from "./hidden-interfaces";
import type { HostUse } from "./host-use";
import { interfaceUses } from "./interface-uses";
import { possibleCarrierUses } from "./possible-carriers";
import { thisConnectionUses } from "./this-connection";
import { unreadFunctionUses } from "./unread-functions";
import { virtualFunctionUses } from "./virtual-functions";

export { findHostNotes, type HostNote } from "./host-notes";
export type {
  CarriedThing,
  DiskLabel,
  HostUse,
  HostUseReason,
  HostUseTraits,
  InterfaceLayer,
} from "./host-use";

/** The uses of a kind, each once. Pure. @param found the uses of the kinds before it */
type FindUses = (facts: HostFacts, found: readonly HostUse[]) => HostUse[];

/**
 * The kinds of uses, in the order in which they are told.
 *
 * A new kind (a GPU, a TPM) is a file in host/facts that parses what the helper reads, and a file here with
 * its line in this list. Its member of {@link HostUseReason} asks for a phrase in
 * provider/plan/describe-host-use.ts.
 */
const KINDS: readonly FindUses[] = [
  thisConnectionUses,
  defaultRouteUses,
  possibleCarrierUses,
  interfaceUses,
  hiddenInterfaceUses,
  virtualFunctionUses,
  diskUses,
  unreadFunctionUses,
];

/** All that the host uses its functions for. */
export function findHostUses(facts: HostFacts): HostUse[] {
  return KINDS.reduce<HostUse[]>((found, findUses) => found.concat(findUses(facts, found)), []);
}
