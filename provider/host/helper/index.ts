export {
  HostHelper,
  type AskOptions,
  type BegunRequest,
  type HeldLocks,
  type HelperHost,
  type LockWaiting,
} from "./host-helper";
export {
  helperScript,
  findHostError,
  sentProgram,
  type HelperErrors,
  type HelperProgram,
  type VersionRange,
} from "./helper-program";
export { RecordReader, type AnswerLimits } from "./record-reader";
