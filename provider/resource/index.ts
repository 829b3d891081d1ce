export { argumentTable, type ArgumentGroup, type TabledArgument } from "./argument-table";
export { addressesOf, queryForPlug, priorOf, timeoutsOf, desiredOf } from "./desired";
export type { AttachmentInputs } from "./inputs/attachment-schema";
export { findInputFailures } from "./inputs/check-inputs";
export type { ConnectionInputs } from "./inputs/connection-schema";
export type { CredentialChecks } from "./inputs/credential-rules";
export type { InputFailure } from "./inputs/input-failure";
export { normaliseInputs, parseCheckedInputs } from "./inputs/parse-inputs";
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
export { outputTable, type OutputGroup, type TabledOutput } from "./output-table";
export { composeState, parseState } from "./state";
export type { AttachmentState } from "./state-schema";
export type { TabledType } from "./tabled-type";
