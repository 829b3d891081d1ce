export type { AttachedFunction, HeldFunction, ActualState } from "./actual-state";
export { attach, AttachFailure, type AttachRequest } from "./attach";
export { detach, type DetachRequest } from "./detach";
export { newIncarnation } from "./incarnation";
export { actualStateOf } from "./observe";
export type {
  Guest,
  GuestEvent,
  GuestEnumeration,
  GuestState,
  HeldLocks,
  Host,
  Hypervisor,
  Identity,
  Ledger,
  Lock,
  ObservationQuery,
  Progress,
  UnplugAnswer,
} from "./ports";
