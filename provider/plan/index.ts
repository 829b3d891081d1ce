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
  tellsOfRom,
} from "./naming";
export type {
  Configuration,
  ConfiguredFunction,
  ConfiguredPlace,
  Confinement,
  GuestIdentity,
  GuestRunState,
  Holding,
  LedgerEntry,
  LedgerFunction,
  LedgerPlace,
  Observation,
  OlderLibvirt,
  OwnedPart,
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
export type { FunctionSelection, RememberedAttachment, RememberedFunction, WantedAttachment } from "./wanted";
export { isSteppingStone } from "./stepping-stone";
