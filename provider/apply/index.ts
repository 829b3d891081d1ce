export type { AttachedFunction, HeldFunction, ActualState } from "./actual-state";
export { attach } from "./attach";
export { AttachFailure, type AttachRequest } from "./attach-request";
export { detach, type DetachRequest } from "./detach";
export { newIncarnation } from "./incarnation";
export { actualStateOf } from "./observe";
export type {
  Guest,
  GuestConfiguration,
  GuestEnd,
  GuestEvent,
  GuestEnumeration,
  GuestListener,
  GuestState,
  HeldLocks,
  HoldRequest,
  Host,
  Hypervisor,
  Identity,
  Ledger,
  Lock,
  LonePlug,
  ObservationQuery,
  Progress,
  SinglePlug,
  Singles,
  SteppingStones,
  UnplugAnswer,
} from "./ports";
