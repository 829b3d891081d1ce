export { surveyGuest, type GuestSurvey } from "./guest-survey";
export { QmpGuest } from "./qmp-guest";
