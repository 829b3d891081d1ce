export {
  catalogue,
  describeHostSetup,
  hostListLines,
  joinParts,
  refusalCodes,
  type ErrorCode,
  type ErrorParts,
  type HostListNeeds,
} from "./catalogue";
export { printable, shorten } from "./printable";
export { ProviderError, providerError, hasCode, causeText, withOthers } from "./provider-error";
