export type { AttachmentInputs, ConnectionInputs } from "./attachment-schema";
export { addressesOf, queryForPlug, rememberedOf, timeoutsOf, wantedOf } from "./attachment-spec";
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
  foundBy,
  isAnother,
  isAnotherHost,
  isSameState,
  withSpelling,
  type Found,
} from "./decide";
export { hasUnknown, UNKNOWN_VALUE } from "./unknown";
