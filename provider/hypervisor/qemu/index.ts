export { surveyGuest, type GuestSurvey } from "./guest-survey";
export { findHostFunction } from "./host-function-of";
export { QmpGuest } from "./qmp-guest";
