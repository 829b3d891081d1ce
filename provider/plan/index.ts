export {
  describePlan,
  describeSlot,
  describeStep,
  describeUnreadGuest,
  interruptionOf,
  listFunctions,
  type Interruption,
} from "./describe";
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
export type { FunctionSelection, RememberedAttachment, RememberedFunction, WantedAttachment } from "./wanted";
