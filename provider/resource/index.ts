export { addressesOf, queryForPlug, priorOf, timeoutsOf, desiredOf } from "./desired";
export type { AttachmentInputs, ConnectionInputs } from "./inputs/attachment-schema";
export {
  findInputFailures,
  normaliseInputs,
  parseCheckedInputs,
  type CredentialChecks,
  type InputFailure,
} from "./inputs/check-inputs";
export { hasUnknown, UNKNOWN_VALUE } from "./inputs/unknown";
export {
  changedArguments,
  identityOf,
  isOtherTarget,
  isOtherHost,
  isSameState,
  withSpelling,
  type ObservedIdentity,
} from "./replacement";
export { composeState, parseState, type AttachmentState } from "./state";
