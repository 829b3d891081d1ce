export { isAnothersEntry, refuseAnothers, whyLeft, type Incarnation } from "./claim";
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
export type { FunctionSelection, PriorAttachment, PriorFunction, DesiredAttachment } from "./desired";
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
export { isSteppingStone } from "./stepping-stone";
export { findWaiting } from "./waiting";
