export type { AttachmentInputs, ConnectionInputs } from "./attachment-schema";
export { addressesOf, queryForPlug, priorOf, timeoutsOf, desiredOf } from "./attachment-spec";
export { composeState, parseState, type AttachmentState } from "./attachment-state";
export {
  findInputFailures,
  normaliseInputs,
  parseCheckedInputs,
  type CredentialChecks,
  type InputFailure,
} from "./check-inputs";
export {
  changedArguments,
  identityOf,
  isOtherTarget,
  isOtherHost,
  isSameState,
  withSpelling,
  type ObservedIdentity,
} from "./decide";
export { hasUnknown, UNKNOWN_VALUE } from "./unknown";
