export { surveyGuest, type GuestSurvey } from "./guest-survey";
export { findHostFunction } from "./host-function-of";
export { plugError, type ReadNodeUse } from "./plug-error";
export { QmpGuest } from "./qmp-guest";
