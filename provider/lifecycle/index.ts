export { attach, AttachFailure, type AttachRequest } from "./attach";
export { Deadline } from "./deadline";
export { detach, type DetachRequest } from "./detach";
export { newIncarnation } from "./incarnation";
export { realityOf } from "./observe";
export type {
  Guest,
  GuestEvent,
  GuestSideView,
  GuestState,
  HeldLocks,
  Host,
  Hypervisor,
  Identity,
  Ledger,
  Lock,
  LockClock,
  ObservationQuery,
  Progress,
  UnplugAnswer,
} from "./ports";
export type { AttachedFunction, HeldFunction, Reality } from "./reality";
