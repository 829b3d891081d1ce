import type { HostFacts } from "../facts";
import { defaultRouteUses } from "./default-routes";
import { diskUses } from "./disk-uses";
import { displayUses } from "./displays";
import { functionUserUses } from "./function-users";
import { guestDeviceUses } from "./guest-devices";
import { hiddenInterfaceUses } from "./hidden-interfaces";
import type { HostUse } from "./host-use";
import { interfaceUses } from "./interface-uses";
import { leftOutUses } from "./left-out-devices";
import { machineDeviceUses } from "./machine-devices";
import { mediatedDeviceUses } from "./mediated-devices";
import { possibleCarrierUses } from "./possible-carriers";
import { serialConsoleUses } from "./serial-consoles";
import { thisConnectionUses } from "./this-connection";
import { thunderboltUses } from "./thunderbolt-devices";
import { unreadFunctionUses } from "./unread-functions";
import { vdpaUses } from "./vdpa-devices";
import { virtualFunctionUses } from "./virtual-functions";

export { findFunctionNotes, findFunctionUses } from "./function-uses";
export { findHostNotes, type HostNote } from "./host-notes";
export { findUseLooks, type UnseenUse, type UseLook, type UseLooks } from "./use-looks";
export { findWayThroughGuest, type WayThroughGuest } from "./through-guest";
export type {
  BeneathUseReason,
  CarriedThing,
  DiskLabel,
  FunctionUserReason,
  GuestDeviceReason,
  HostUse,
  HostUseReason,
  HostUseTraits,
  InterfaceLayer,
  OpenUseReason,
} from "./host-use";

/** The uses of a kind, each once. Pure. @param found the uses of the kinds before it */
type FindUses = (facts: HostFacts, found: readonly HostUse[]) => HostUse[];

/**
 * The kinds of uses, in the order in which they are told.
 *
 * A new kind is a file in host/facts that parses what the helper reads, and a file here with
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
  displayUses,
  serialConsoleUses,
  functionUserUses,
  mediatedDeviceUses,
  vdpaUses,
  thunderboltUses,
  machineDeviceUses,
  guestDeviceUses,
  unreadFunctionUses,
  leftOutUses,
];

/** All that the host uses its functions for. */
export function findHostUses(facts: HostFacts): HostUse[] {
  return KINDS.reduce<HostUse[]>((found, findUses) => found.concat(findUses(facts, found)), []);
}
