export { requireNotTakenOver, type Refusal } from "./checks";
export { isAnothersEntry, whyLeft } from "./claim";
export {
  describeKept,
  describeNextStart,
  describePlan,
  describeSlot,
  describeStep,
  describeTakeover,
  describeUnreadGuest,
} from "./describe";
export { describeLost, type LostDevice } from "./describe-beneath";
export { describeUnseenUses, describeUseLooks } from "./describe-use-looks";
export { describeWarnings } from "./describe-warning";
export { listProcesses } from "./describe-open-use";
export { describeHostDevices, describeHostNote, describeHostUse } from "./describe-host-use";
export type { FunctionSelection, PriorAttachment, PriorFunction, DesiredAttachment } from "./desired";
export { isHalted, wordOf, type GuestRunState, type HaltedState } from "./guest-run-state";
export {
  aliasOf,
  attachmentIdOf,
  findTagOfAlias,
  findTagOfQemuId,
  isTag,
  qemuIdOf,
  tagOf,
  hasRomSuffix,
} from "./identifiers";
export type { GuestIdentity, Incarnation, LedgerEntry, LedgerFunction, LedgerLocation } from "./ledger-entry";
export type {
  Configuration,
  ConfiguredElsewhere,
  ConfiguredFunction,
  GuestAddress,
  QemuLimits,
  Holding,
  Observation,
  OlderLibvirt,
  OwnedResources,
  PluggedFunction,
  UnreadGuest,
} from "./observation";
export { allEntriesOf, findOwned, isNothing, pluggedAtBoot, touchedGroups } from "./owned";
export { listFunctions, listNumbers } from "./list-functions";
export { planAttach } from "./plan-attach";
export { configurationOf } from "./plan-configuration";
export { planDetach } from "./plan-detach";
export { hasEnded } from "./give-back";
export { withRecorded } from "./recorded-holdings";
export type { Plan, PlanTarget, PlugTarget, Step } from "./step";
export { standingSlot } from "./standing-slot";
export type { Warning } from "./warning";
export { isSteppingStone } from "./stepping-stone";
export { findOpenToNobody } from "./open-to-nobody";
export { findWaiting } from "./waiting";
