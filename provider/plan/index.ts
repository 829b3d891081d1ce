export {
  describePlan,
  describeSlot,
  describeStep,
  describeTakeover,
  describeUnreadGuest,
  interruptionOf,
  listFunctions,
  type Interruption,
} from "./describe";
export { isAnothersEntry, refuseAnothers, whyLeft, type Incarnation } from "./claim";
export {
  aliasOf,
  attachmentIdOf,
  findTagOfAlias,
  findTagOfQemuId,
  isTag,
  qemuIdOf,
  tagOf,
  hasRomSuffix,
} from "./naming";
export type {
  Configuration,
  ConfiguredFunction,
  GuestAddress,
  QemuLimits,
  GuestIdentity,
  GuestRunState,
  Holding,
  LedgerEntry,
  LedgerFunction,
  LedgerLocation,
  Observation,
  OlderLibvirt,
  OwnedResources,
  PluggedFunction,
  UnreadGuest,
} from "./observation";
export { allEntriesOf, findOwned, isNothing, pluggedAtBoot, touchedGroups } from "./owned";
export { planAttach } from "./plan-attach";
export { configurationOf } from "./plan-configuration";
export { hasEnded, planDetach } from "./plan-detach";
export { withRecorded } from "./recorded-holdings";
export type { Plan, PlanTarget, PlugTarget, Step } from "./step";
export { findWaiting } from "./waiting";
export type { FunctionSelection, PriorAttachment, PriorFunction, DesiredAttachment } from "./wanted";
export { isSteppingStone } from "./stepping-stone";
