import type { AttachContext } from "../attach-context";
import { checkAddressable } from "./addressable";
import { checkAdoptedByAnother } from "./adopted-by-another";
import { checkBlockedUnbind } from "./blocked-unbind";
import { checkConfiguredElsewhere } from "./configured-elsewhere";
import { checkConfiguredOtherwise } from "./configured-otherwise";
import { checkDevice } from "./device";
import { checkDisconnects } from "./disconnects";
import { checkGroupBridges } from "./group-bridges";
import { checkGuestState } from "./guest-state";
import { checkGroupHeldByGuest, checkHeldByGuest } from "./held-by-guest";
import { checkHeldByProcess } from "./held-by-process";
import { checkHostList } from "./host-list";
import { checkLeftoverBuses } from "./leftover-buses";
import { checkLeftovers } from "./leftovers";
import { checkLibvirtVersion } from "./libvirt-version";
import { checkOwnedByAnother } from "./owned-by-another";
import { checkPhysicalFunctions } from "./physical-functions";
import { checkPluggedOtherwise } from "./plugged-otherwise";
import { checkQemuLimits } from "./qemu-limits";
import type { Phase } from "./refusal";
import { checkSelectedFunctions } from "./selected-functions";
import { checkSlot } from "./slot";
import { checkSlotGivenAway } from "./slot-given-away";
import { checkStandingOtherwise } from "./standing-otherwise";
import { checkSteppingStone } from "./stepping-stone";
import { checkTakenOver } from "./taken-over";
import { checkUnidentified } from "./unidentified";
import { checkUnplug } from "./unplug";
import { checkUsedByHost } from "./used-by-host";
import { checkVfioOfHost } from "./vfio-host";
import { checkVirtualIommu } from "./virtual-iommu";

export { findRefusals, throwRefusals, type Check, type Phase, type Refusal } from "./refusal";
export { requireNotTakenOver } from "./taken-over";

/**
 * All that may speak against an attachment, in the order in which it is told. The first refusal gives an
 * error its code, so this order is a promise: a new check goes to the end of its phase.
 */
export const CHECKS: readonly Phase<AttachContext>[] = [
  { name: "guest state", checks: [checkLibvirtVersion, checkGuestState] },
  { name: "device", checks: [checkDevice] },
  { name: "ownership", checks: [checkTakenOver, checkAdoptedByAnother, checkOwnedByAnother] },
  { name: "selection", checks: [checkSelectedFunctions, checkAddressable] },
  { name: "standing attachment", checks: [checkStandingOtherwise] },
  {
    name: "functions, guest slot and limits",
    checks: [
      checkGroupHeldByGuest,
      checkLeftovers,
      checkHeldByGuest,
      checkPluggedOtherwise,
      checkSlot,
      checkPhysicalFunctions,
      checkUsedByHost,
      checkQemuLimits,
      checkSteppingStone,
      checkConfiguredOtherwise,
      checkSlotGivenAway,
      checkUnplug,
      checkUnidentified,
      checkHostList,
      checkConfiguredElsewhere,
      checkGroupBridges,
      checkLeftoverBuses,
      checkBlockedUnbind,
      checkHeldByProcess,
      checkVfioOfHost,
      checkVirtualIommu,
      checkDisconnects,
    ],
  },
];

/** All that may speak against giving an attachment back, in the order in which it is told. */
export const DETACH_CHECKS = [
  {
    name: "functions and guest slot",
    checks: [checkPluggedOtherwise, checkUnplug, checkUnidentified, checkDisconnects],
  },
] as const;
